package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// scenarioPatience is how long one act of the story may take. The longest one,
// in which Slack asks for patience itself, takes about five seconds.
const scenarioPatience = 30 * time.Second

// act is one thing that happens, and what Slack should show afterwards.
type act struct {
	title string
	do    func(ctx context.Context, s *stage) error
	want  func() []wanted // of the requests that this act is about; replaces what was wanted of them
	brief bool            // many messages: one line each
}

// The requests of the story.
const (
	editorRequest = "01900000-0000-7000-8000-000000000001"
	dbaRequest    = "01900000-0000-7000-8000-000000000002"
	auditRequest  = "01900000-0000-7000-8000-000000000003"
	burstRequest  = "01900000-0000-7000-8000-0000000001%02d"
	burstSize     = 4
)

// ownStory returns the acts of the demo's own story. What is wanted is written out here by hand, as a
// person would who knows the configuration.
func ownStory() []act {
	return []act{
		{
			title: "alice@example.com requests editor, and suggests bob@example.com to decide",
			do: ask(teleporttest.Request{ID: editorRequest, User: "alice@example.com", Roles: []string{"editor"},
				Reason: "Fix the broken links on the status page", SuggestedReviewers: []string{"bob@example.com"}}),
			want: in(editorRequest, "PENDING", "", nil, requestsChannel, "U0BOB", "U0ALICE"),
		},
		{
			title: "bob@example.com denies it",
			do:    decideAs(editorRequest, "bob@example.com", types.RequestState_DENIED, "Carol has done it already"),
			want:  ended(editorRequest, "DENIED", "x", []string{"review-0"}, "U0ALICE", requestsChannel, "U0BOB"),
		},
		{
			title: "dave requests dba, which takes two approvals",
			do: ask(teleporttest.Request{ID: dbaRequest, User: "dave", Roles: []string{"dba"},
				Reason: "Add the missing index to orders, see OPS-1432"}),
			want: in(dbaRequest, "PENDING", "", nil, dbaChannel, "U0DAVE"),
		},
		{
			title: "bob@example.com approves it, and one more approval is needed",
			do:    decideAs(dbaRequest, "bob@example.com", types.RequestState_APPROVED, "Please do it after 6 pm"),
			want:  in(dbaRequest, "Approvals 1 of 2", "", []string{"review-0"}, dbaChannel, "U0DAVE"),
		},
		{
			title: "carol@example.com approves it too",
			do:    decideAs(dbaRequest, "carol@example.com", types.RequestState_APPROVED, ""),
			want:  ended(dbaRequest, "APPROVED", "white_check_mark", []string{"review-0", "review-1"}, "U0DAVE", dbaChannel),
		},
		{
			title: "carol@example.com requests auditor",
			do: ask(teleporttest.Request{ID: auditRequest, User: "carol@example.com", Roles: []string{"auditor"},
				Reason: "Quarterly report"}),
			want: in(auditRequest, "PENDING", "", nil, requestsChannel, "U0CAROL"),
		},
		{
			title: "nobody decides, and the request expires",
			do:    func(_ context.Context, s *stage) error { return s.teleport.Expire(auditRequest) },
			want:  ended(auditRequest, "EXPIRED", "", nil, "U0CAROL", requestsChannel),
		},
		{
			title: fmt.Sprintf("%d requests come at once, while Slack answers \"too many requests\" and loses an answer", burstSize),
			brief: true,
			do: func(ctx context.Context, s *stage) error {
				s.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Channel: requestsChannel, RetryAfter: time.Second, Times: 2})
				s.slack.Inject(slacktest.Fault{Method: "chat.postMessage", Channel: "U0ALICE", Skip: 1, CutAfter: true, Times: 1})
				var errs []error
				for i := range burstSize {
					errs = append(errs, ask(teleporttest.Request{ID: fmt.Sprintf(burstRequest, i+1), User: "alice@example.com",
						Roles: []string{"editor"}, Reason: fmt.Sprintf("Status page, part %d", i+1)})(ctx, s))
				}
				return errors.Join(errs...)
			},
			want: func() []wanted {
				var all []wanted
				for i := range burstSize {
					all = append(all, in(fmt.Sprintf(burstRequest, i+1), "PENDING", "", nil, requestsChannel, "U0ALICE")()...)
				}
				return all
			},
		},
	}
}

func ask(r teleporttest.Request) func(context.Context, *stage) error {
	return func(_ context.Context, s *stage) error {
		r.Thresholds, r.AccessTTL = s.world.thresholds(r.Roles), accessTTL
		_, err := s.teleport.CreateRequest(r)
		return err
	}
}

func decideAs(id, author string, state types.RequestState, reason string) func(context.Context, *stage) error {
	return func(_ context.Context, s *stage) error {
		_, err := s.teleport.Review(id, author, state, reason)
		return err
	}
}

// in wants the same in each conversation.
func in(id, status, reaction string, replies []string, conversations ...string) func() []wanted {
	return func() []wanted {
		var all []wanted
		for _, c := range conversations {
			all = append(all, wanted{id, c, replies, status, reaction})
		}
		return all
	}
}

// ended wants that the requester is told the end as well, beside what is
// wanted everywhere.
func ended(id, status, reaction string, replies []string, requester string, others ...string) func() []wanted {
	return func() []wanted {
		told := append(append([]string{}, replies...), "final")
		return append(in(id, status, reaction, replies, others...)(), wanted{id, requester, told, status, reaction})
	}
}

// playScenario plays a story and prints what people see of it in Slack.
func playScenario(ctx context.Context, o Options) (err error) {
	st, err := storyNamed(o.Scenario)
	if err != nil {
		return err
	}
	w, err := st.world()
	if err != nil {
		return err
	}
	var log bytes.Buffer // slog's handlers write one line at a time
	s, err := newStage(w, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if st.before != nil {
		if err := st.before(s); err != nil {
			return err
		}
	}
	running, stop := context.WithCancel(ctx)
	defer s.replicas.wait()
	defer stop()
	if err := s.replicas.start(running, firstReplica); err != nil {
		return err
	}
	p := player{stage: s, out: o.Stdout, printed: map[string]shown{}}
	err = p.play(running, st.acts())
	stop()
	s.replicas.wait() // what is in flight counts too
	if err == nil {
		err = p.sum()
	}
	if err != nil && ctx.Err() == nil {
		_, _ = log.WriteTo(o.Stderr) // to help only
	}
	return err
}
