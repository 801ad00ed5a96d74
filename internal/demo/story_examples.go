package demo

import (
	"context"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// The requests of the examples' stories, and the IDs that the names in their
// configurations come to.
const (
	firstRequest  = "01900000-0000-7000-8000-000000000001"
	secondRequest = "01900000-0000-7000-8000-000000000002"
	thirdRequest  = "01900000-0000-7000-8000-000000000003"

	aliceID = "U0ALICE000"
	bobID   = "U0BOB00000"
	carolID = "U0CAROL000"
)

func smallTeam() []act {
	const channel, lead = "C0ACCESSRE", "U0LEAD0000"
	return []act{
		{
			title: "alice@example.com requests staging",
			do: ask(teleporttest.Request{ID: firstRequest, User: "alice@example.com", Roles: []string{"staging"},
				Reason: "Try the new build"}),
			want: in(firstRequest, "PENDING", "", nil, channel, aliceID),
		},
		{
			title: "bob@example.com approves it",
			do:    decideAs(firstRequest, "bob@example.com", types.RequestState_APPROVED, ""),
			want:  ended(firstRequest, "APPROVED", "white_check_mark", []string{"review-0"}, aliceID, channel),
		},
		{
			title: "while Slack is away, bob@example.com requests production",
			do: turned("slack-away", ask(teleporttest.Request{ID: secondRequest, User: "bob@example.com", Roles: []string{"production"},
				Reason: "Roll back the release"})),
			want: in(secondRequest, "PENDING", "", nil, channel, lead, bobID),
		},
		{
			title: "the plugin is killed, and the lead denies it meanwhile",
			do:    turned("plugin-killed", decideAs(secondRequest, "lead@example.com", types.RequestState_DENIED, "Rolled back already")),
			want:  ended(secondRequest, "DENIED", "x", []string{"review-0"}, bobID, channel, lead),
		},
	}
}

// incidentCondition is that of the rule in examples/many-teams/rules.yaml.
const incidentCondition = `contains(access_request.spec.roles, "payments-prod") && contains(access_request.spec.suggested_reviewers, "payments-oncall@example.com")`

func incidentRecipients() []string { return []string{"incidents", "payments-oncall@example.com"} }

func incidentRule(s *stage) error {
	return s.teleport.PutRule(teleporttest.Rule{Name: "incident", Condition: incidentCondition, Recipients: incidentRecipients()})
}

func manyTeams() []act {
	const payments, search, help, oncall = "C0TEAMPAYM", "C0TEAMSEAR", "C0ITHELP00", "U0PAYMENTS"
	return []act{
		{
			title: "alice@example.com requests search-dev, which is the search team's business",
			do: ask(teleporttest.Request{ID: firstRequest, User: "alice@example.com", Roles: []string{"search-dev"},
				Reason: "Look at slow queries"}),
			want: in(firstRequest, "PENDING", "", nil, search, aliceID),
		},
		{
			title: "bob@example.com requests payments-prod and a role that belongs to nobody",
			do: ask(teleporttest.Request{ID: secondRequest, User: "bob@example.com", Roles: []string{"payments-prod", unlistedRole},
				Reason: "Rotate a certificate"}),
			want: in(secondRequest, "PENDING", "", nil, payments, oncall, help, bobID),
		},
		{
			title: "carol@example.com requests payments-prod and names the on-call, which a rule in Teleport takes for an incident",
			do: ask(teleporttest.Request{ID: thirdRequest, User: "carol@example.com", Roles: []string{"payments-prod"},
				Reason: "INC-2041: payments are failing", SuggestedReviewers: []string{"payments-oncall@example.com"}}),
			want: in(thirdRequest, "PENDING", "", nil, incidentsChannel, oncall, carolID),
		},
		{
			title: "Teleport is away for a moment, and payments-oncall@example.com approves it",
			do:    turned("teleport-away", decideAs(thirdRequest, "payments-oncall@example.com", types.RequestState_APPROVED, "")),
			want:  ended(thirdRequest, "APPROVED", "white_check_mark", []string{"review-0"}, carolID, incidentsChannel, oncall),
		},
	}
}

// incidentsChannel is where the rule sends requests; no configuration names it.
const incidentsChannel = "C0INCIDENT"

func withIncidents(base func() (world, error)) func() (world, error) {
	return func() (world, error) {
		w, err := base()
		w.channels = append(w.channels, slacktest.Channel{ID: incidentsChannel, Name: "incidents", BotIsMember: true})
		return w, err
	}
}

func highSecurity() []act {
	const audit, support, ciso = "C0ACCESSAU", "C0SUPPORTA", "U0CISO0000"
	return []act{
		{
			title: "alice@example.com requests support",
			do: ask(teleporttest.Request{ID: firstRequest, User: "alice@example.com", Roles: []string{"support"},
				Reason: "Ticket 4711"}),
			want: in(firstRequest, "PENDING", "", nil, support, aliceID),
		},
		{
			title: "she presses Approve herself, which counts for nothing",
			do:    press(firstRequest, support, aliceID, message.ApproveButton, ""),
			want:  in(firstRequest, "PENDING", "", nil, support, aliceID),
		},
		{
			title: "bob@example.com presses Approve, and says why in the window that asks",
			do:    press(firstRequest, support, bobID, message.ApproveButton, "Ticket is real"),
			want:  ended(firstRequest, "APPROVED", "white_check_mark", []string{"review-0"}, aliceID, support),
		},
		{
			title: "a second replica is started, and alice@example.com requests prod-admin, which takes two and has no buttons",
			do: func(ctx context.Context, s *stage) error {
				if err := s.switches.turn(ctx, "second-replica", true); err != nil {
					return err
				}
				return ask(teleporttest.Request{ID: secondRequest, User: "alice@example.com", Roles: []string{"prod-admin"},
					Reason: "Change the audit bucket"})(ctx, s)
			},
			want: in(secondRequest, "PENDING", "", nil, audit, ciso, aliceID),
		},
		{
			title: "the first replica is killed, and ciso@example.com approves it in Teleport",
			do:    turned("plugin-killed", decideAs(secondRequest, "ciso@example.com", types.RequestState_APPROVED, "Agreed on Monday")),
			want:  in(secondRequest, "Approvals 1 of 2", "", []string{"review-0"}, audit, ciso, aliceID),
		},
		{
			title: "carol@example.com denies it",
			do:    decideAs(secondRequest, "carol@example.com", types.RequestState_DENIED, "Not without a change request"),
			want:  ended(secondRequest, "DENIED", "x", []string{"review-0", "review-1"}, aliceID, audit, ciso),
		},
	}
}
