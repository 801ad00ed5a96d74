package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// The requests of the tour.
const (
	editorRequest = "01900000-0000-7000-8000-000000000001"
	dbaRequest    = "01900000-0000-7000-8000-000000000002"
	auditRequest  = "01900000-0000-7000-8000-000000000003"
	burstRequest  = "01900000-0000-7000-8000-0000000001%02d"
	burstSize     = 4
)

// tour returns the steps of the demo's own scenario. What is wanted is written by
// hand, from the configuration.
func tour() []step {
	return []step{
		{
			title: "alice@example.com requests editor, and suggests bob@example.com to decide",
			do: requestAccess(teleporttest.Request{ID: editorRequest, User: "alice@example.com", Roles: []string{"editor"},
				Reason: "Fix the broken links on the status page", SuggestedReviewers: []string{"bob@example.com"}}),
			want: expectIn(editorRequest, "PENDING", "", nil, requestsChannel, "U0BOB", "U0ALICE"),
		},
		{
			title: "bob@example.com denies it",
			do:    reviewAs(editorRequest, "bob@example.com", types.RequestState_DENIED, "Carol has done it already"),
			want:  expectResolved(editorRequest, "DENIED", "x", []string{"review-0"}, "U0ALICE", requestsChannel, "U0BOB"),
		},
		{
			title: "dave requests dba, which takes two approvals",
			do: requestAccess(teleporttest.Request{ID: dbaRequest, User: "dave", Roles: []string{"dba"},
				Reason: "Add the missing index to orders, see OPS-1432"}),
			want: expectIn(dbaRequest, "PENDING", "", nil, dbaChannel, "U0DAVE"),
		},
		{
			title: "bob@example.com approves it, and one more approval is needed",
			do:    reviewAs(dbaRequest, "bob@example.com", types.RequestState_APPROVED, "Please do it after 6 pm"),
			want:  expectIn(dbaRequest, "Approvals 1 of 2", "", []string{"review-0"}, dbaChannel, "U0DAVE"),
		},
		{
			title: "carol@example.com approves it too",
			do:    reviewAs(dbaRequest, "carol@example.com", types.RequestState_APPROVED, ""),
			want:  expectResolved(dbaRequest, "APPROVED", "white_check_mark", []string{"review-0", "review-1"}, "U0DAVE", dbaChannel),
		},
		{
			title: "carol@example.com requests auditor",
			do: requestAccess(teleporttest.Request{ID: auditRequest, User: "carol@example.com", Roles: []string{"auditor"},
				Reason: "Quarterly report"}),
			want: expectIn(auditRequest, "PENDING", "", nil, requestsChannel, "U0CAROL"),
		},
		{
			title: "nobody decides, and the request expires",
			do:    func(_ context.Context, env *environment) error { return env.teleport.Expire(auditRequest) },
			want:  expectResolved(auditRequest, "EXPIRED", "", nil, "U0CAROL", requestsChannel),
		},
		{
			title: fmt.Sprintf("%d requests come at once, while Slack answers \"too many requests\" and loses an answer", burstSize),
			brief: true,
			do: func(ctx context.Context, env *environment) error {
				env.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Channel: requestsChannel, RetryAfter: time.Second, Times: 2})
				env.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Channel: "U0ALICE", Skip: 1, CutAfter: true, Times: 1})
				var errs []error
				for i := range burstSize {
					errs = append(errs, requestAccess(teleporttest.Request{ID: fmt.Sprintf(burstRequest, i+1), User: "alice@example.com",
						Roles: []string{"editor"}, Reason: fmt.Sprintf("Status page, part %d", i+1)})(ctx, env))
				}
				return errors.Join(errs...)
			},
			want: func() []wanted {
				var all []wanted
				for i := range burstSize {
					all = append(all, expectIn(fmt.Sprintf(burstRequest, i+1), "PENDING", "", nil, requestsChannel, "U0ALICE")()...)
				}
				return all
			},
		},
	}
}

// The requests of the examples' scenarios, and the Slack IDs that fixturesFor
// generates for their configurations.
const (
	firstRequest  = "01900000-0000-7000-8000-000000000001"
	secondRequest = "01900000-0000-7000-8000-000000000002"
	thirdRequest  = "01900000-0000-7000-8000-000000000003"

	aliceID = "U0ALICE000"
	bobID   = "U0BOB00000"
	carolID = "U0CAROL000"
)

func smallTeam() []step {
	const channel, lead = "C0ACCESSRE", "U0LEAD0000"
	return []step{
		{
			title: "alice@example.com requests staging",
			do: requestAccess(teleporttest.Request{ID: firstRequest, User: "alice@example.com", Roles: []string{"staging"},
				Reason: "Try the new build"}),
			want: expectIn(firstRequest, "PENDING", "", nil, channel, aliceID),
		},
		{
			title: "bob@example.com approves it",
			do:    reviewAs(firstRequest, "bob@example.com", types.RequestState_APPROVED, ""),
			want:  expectResolved(firstRequest, "APPROVED", "white_check_mark", []string{"review-0"}, aliceID, channel),
		},
		{
			title: "while Slack is away, bob@example.com requests production",
			do: withSwitch("slack-away", requestAccess(teleporttest.Request{ID: secondRequest, User: "bob@example.com", Roles: []string{"production"},
				Reason: "Roll back the release"})),
			want: expectIn(secondRequest, "PENDING", "", nil, channel, lead, bobID),
		},
		{
			title: "the plugin is killed, and the lead denies it meanwhile",
			do:    withSwitch("plugin-killed", reviewAs(secondRequest, "lead@example.com", types.RequestState_DENIED, "Rolled back already")),
			want:  expectResolved(secondRequest, "DENIED", "x", []string{"review-0"}, bobID, channel, lead),
		},
	}
}

// incidentCondition is the condition in examples/many-teams/rules.yaml.
const incidentCondition = `access_request.spec.roles.contains("payments-prod") && access_request.spec.suggested_reviewers.contains("payments-oncall@example.com")`

func incidentRecipients() []string { return []string{"incidents", "payments-oncall@example.com"} }

func incidentRule(env *environment) error {
	return env.teleport.PutRule(teleporttest.Rule{Name: "incident", Condition: incidentCondition, Recipients: incidentRecipients()})
}

func manyTeams() []step {
	const payments, search, help, oncall = "C0TEAMPAYM", "C0TEAMSEAR", "C0ITHELP00", "U0PAYMENTS"
	return []step{
		{
			title: "alice@example.com requests search-dev, which is the search team's business",
			do: requestAccess(teleporttest.Request{ID: firstRequest, User: "alice@example.com", Roles: []string{"search-dev"},
				Reason: "Look at slow queries"}),
			want: expectIn(firstRequest, "PENDING", "", nil, search, aliceID),
		},
		{
			title: "bob@example.com requests payments-prod and a role that belongs to nobody",
			do: requestAccess(teleporttest.Request{ID: secondRequest, User: "bob@example.com", Roles: []string{"payments-prod", unlistedRole},
				Reason: "Rotate a certificate"}),
			want: expectIn(secondRequest, "PENDING", "", nil, payments, oncall, help, bobID),
		},
		{
			title: "carol@example.com requests payments-prod and names the on-call, which a rule in Teleport takes for an incident",
			do: requestAccess(teleporttest.Request{ID: thirdRequest, User: "carol@example.com", Roles: []string{"payments-prod"},
				Reason: "INC-2041: payments are failing", SuggestedReviewers: []string{"payments-oncall@example.com"}}),
			want: expectIn(thirdRequest, "PENDING", "", nil, incidentsChannel, oncall, carolID),
		},
		{
			title: "Teleport is away for a moment, and payments-oncall@example.com approves it",
			do:    withSwitch("teleport-away", reviewAs(thirdRequest, "payments-oncall@example.com", types.RequestState_APPROVED, "")),
			want:  expectResolved(thirdRequest, "APPROVED", "white_check_mark", []string{"review-0"}, carolID, incidentsChannel, oncall),
		},
	}
}

// incidentsChannel is where the rule sends requests; no configuration names it.
const incidentsChannel = "C0INCIDENT"

func withIncidents(base func() (fixtures, error)) func() (fixtures, error) {
	return func() (fixtures, error) {
		f, err := base()
		f.channels = append(f.channels, slacktest.Channel{ID: incidentsChannel, Name: "incidents", BotIsMember: true})
		return f, err
	}
}

func highSecurity() []step {
	const audit, support, ciso = "C0ACCESSAU", "C0SUPPORTA", "U0CISO0000"
	return []step{
		{
			title: "alice@example.com requests support",
			do: requestAccess(teleporttest.Request{ID: firstRequest, User: "alice@example.com", Roles: []string{"support"},
				Reason: "Ticket 4711"}),
			want: expectIn(firstRequest, "PENDING", "", nil, support, aliceID),
		},
		{
			title: "she presses Approve herself, which counts for nothing",
			do:    pressButton(firstRequest, support, aliceID, message.ApproveButton, ""),
			want:  expectIn(firstRequest, "PENDING", "", nil, support, aliceID),
		},
		{
			title: "bob@example.com presses Approve, and says why in the window that asks",
			do:    pressButton(firstRequest, support, bobID, message.ApproveButton, "Ticket is real"),
			want:  expectResolved(firstRequest, "APPROVED", "white_check_mark", []string{"review-0"}, aliceID, support),
		},
		{
			title: "a second replica is started, and alice@example.com requests prod-admin, which takes two and has no buttons",
			do: func(ctx context.Context, env *environment) error {
				if err := env.switches.turn(ctx, "second-replica", true); err != nil {
					return err
				}
				return requestAccess(teleporttest.Request{ID: secondRequest, User: "alice@example.com", Roles: []string{"prod-admin"},
					Reason: "Change the audit bucket"})(ctx, env)
			},
			want: expectIn(secondRequest, "PENDING", "", nil, audit, ciso, aliceID),
		},
		{
			title: "the first replica is killed, and ciso@example.com approves it in Teleport",
			do:    withSwitch("plugin-killed", reviewAs(secondRequest, "ciso@example.com", types.RequestState_APPROVED, "Agreed on Monday")),
			want:  expectIn(secondRequest, "Approvals 1 of 2", "", []string{"review-0"}, audit, ciso, aliceID),
		},
		{
			title: "carol@example.com denies it",
			do:    reviewAs(secondRequest, "carol@example.com", types.RequestState_DENIED, "Not without a change request"),
			want:  expectResolved(secondRequest, "DENIED", "x", []string{"review-0", "review-1"}, aliceID, audit, ciso),
		},
	}
}
