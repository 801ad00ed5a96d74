// Package review turns a click on a button in Slack into a review in Teleport, on
// behalf of the person who clicked.
//
// A click is only a claim. It is checked against the current state of Slack and
// Teleport: the click is from our workspace and app; our record lists the message
// as one for reviewers of this request; the request is still pending and may be
// decided in Slack; the clicker is a full member of our workspace, matches exactly
// one Teleport user, and is not the requester. Teleport checks whether that user
// may review the request. docs/native-review.md explains each check.
//
// Invariants:
//
//   - A review is submitted only if all checks passed within the last minute; a
//     check that could not be made counts as failed.
//   - Each result is one log line, and each clicker gets an answer that only they
//     see. Clicks that can't come from our buttons get none.
//   - No state has to be shared between replicas: a window carries its signed
//     target.
//
// It doesn't edit messages: the review arrives as an event from Teleport, and
// package notify shows it.
package review

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/wait"
)

// Requests reads requests and their records, and submits reviews.
type Requests interface {
	Request(ctx context.Context, id string) (access.Request, error)
	Record(ctx context.Context, id string) (map[string]string, error)
	SubmitReview(ctx context.Context, id string, r access.Review) (access.Request, error)
}

// Users looks up Teleport users by exact values. It must not cache.
type Users interface {
	UsersByTrait(ctx context.Context, trait, value string) ([]access.User, error)
	// User returns the user of exactly this name.
	User(ctx context.Context, name string) (access.User, error)
}

// Slack looks up members and answers clicks.
type Slack interface {
	// Member looks up a Slack user; fault.NotFound if there is none.
	Member(ctx context.Context, userID string) (Member, error)
	// PostEphemeral shows a message to one person in the thread of a message.
	PostEphemeral(ctx context.Context, at access.MessageRef, userID string, m message.Message) error
	// OpenView opens a window for the clicker.
	OpenView(ctx context.Context, trigger string, v slackapi.ModalViewRequest) error
}

// Member is a Slack user.
type Member struct {
	ID       string
	Teams    []string // the IDs of their workspaces and organisation
	Email    string   // empty if the token may not read it
	Deleted  bool
	Bot      bool // also workflows and Slackbot
	Guest    bool // of one channel or several
	Stranger bool // of another workspace

	EmailUnconfirmed bool // the owner has not confirmed the address
}

// Observer counts the results of clicks.
type Observer interface {
	Reviewed(r Result)
}

// Result is the result of a click.
type Result struct {
	Decision string // approve or deny
	Outcome  Outcome
	Reason   string // why there is no review, as a short stable name; else empty
}

// Outcome is how a click ended.
type Outcome string

// The outcomes.
const (
	Submitted Outcome = "submitted" // Teleport has the review
	Asked     Outcome = "asked"     // a window for the reason was opened
	Refused   Outcome = "refused"   // a check failed
	Failed    Outcome = "failed"    // a call failed
	Repeated  Outcome = "repeated"  // the same click or decision again
)

// Settings are what is in force when a click arrives.
type Settings struct {
	Buttons    access.Buttons
	Trait      string // holds the Slack ID of a Teleport user; empty for none
	EmailMatch bool   // a Slack email may match a Teleport username
	TeamID     string // our workspace
	AppID      string // our app; empty if unknown
	Secret     string // known to all replicas and nobody else: the app token
	Cluster    access.Cluster
	Style      message.Style // the language of answers and windows
}

// Options are the arguments of New.
type Options struct {
	Requests Requests
	Users    Users
	Slack    Slack
	Settings func() Settings
	Observer Observer     // nil for none
	Log      *slog.Logger // nil for the default
}

// Limits.
const (
	workers = 8
	// maxWaiting clicks wait for a worker. Further ones are dropped and logged,
	// to bound the memory.
	maxWaiting = 2000
	// maxPerPerson of them may be from one person.
	maxPerPerson = 16
	// clickTimeout bounds the work for one click, answerTimeout its answer.
	clickTimeout  = 20 * time.Second
	answerTimeout = 10 * time.Second
)

// Reviewer handles clicks. New makes one.
type Reviewer struct {
	o       Options
	log     *slog.Logger
	waiting chan interaction
	people  *people
	seen    *seen

	mu      sync.Mutex
	pending map[string]int      // Slack user → their unfinished clicks
	working map[string]struct{} // Slack user and request that a worker handles
}

// New returns a Reviewer that does nothing until Run.
func New(o Options) *Reviewer {
	r := &Reviewer{
		o: o, log: o.Log, waiting: make(chan interaction, maxWaiting), people: newPeople(), seen: newSeen(),
		pending: map[string]int{}, working: map[string]struct{}{},
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	return r
}

// Take accepts an interaction from Slack. It returns at once, with the body of the
// acknowledgement: nil, or an error to show in a window. Run handles the rest.
func (r *Reviewer) Take(envelope string, payload []byte) json.RawMessage {
	in, err := decode(payload)
	if err != nil {
		if !errors.Is(err, errNotOurs) {
			r.log.Warn("interaction can't be read, ignoring it", slog.String(logkey.Event, event), slog.String(logkey.Error, err.Error()))
		}
		return nil
	}
	if in.submission && in.reason == "" {
		// Slack itself requires a reason, but accepts white space.
		answer, err := json.Marshal(map[string]any{
			"response_action": "errors",
			"errors":          map[string]string{message.ReasonBlock: r.renderer(r.o.Settings()).ReasonMissing()},
		})
		if err != nil {
			panic("review: maps of strings always marshal: " + err.Error())
		}
		return answer
	}
	in.arrived = time.Now()
	if !r.seen.first(in.arrived, "envelope "+envelope, in.identity()) {
		r.audit(in, result{outcome: Repeated, why: "replay"})
		return nil
	}
	if why := r.queue(in); why != "" {
		r.audit(in, result{outcome: Failed, why: why})
	}
	return nil
}

// queue passes the click to a worker, or returns why it can't.
func (r *Reviewer) queue(in interaction) (why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending[in.user] >= maxPerPerson {
		return "too_many_clicks"
	}
	select {
	case r.waiting <- in:
		r.pending[in.user]++
		return ""
	default:
		return "overloaded"
	}
}

// Run handles clicks until ctx ends, and then the waiting ones for at most drain.
// It returns when all workers have ended.
func (r *Reviewer) Run(ctx context.Context, drain time.Duration) error {
	work, release := wait.Drain(ctx, drain)
	defer release()
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() {
			for {
				select {
				case in := <-r.waiting:
					r.handle(work, in)
				case <-ctx.Done():
					select {
					case in := <-r.waiting:
						r.handle(work, in)
					default:
						return
					}
				}
			}
		})
	}
	pool.Wait()
	return nil
}

// handle processes one click and answers it.
func (r *Reviewer) handle(ctx context.Context, in interaction) {
	defer r.done(in)
	s := r.o.Settings()
	res := r.exclusive(in, func() result {
		ctx, cancel := context.WithTimeout(ctx, clickTimeout)
		defer cancel()
		return r.process(ctx, s, in)
	})
	r.audit(in, res)
	if res.silent {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	at := access.MessageRef{Channel: res.in.channel, TS: res.in.ts}
	answer := r.renderer(s).Answer(res.answer, res.req, res.details, res.in.decision)
	if err := retryPaced(ctx, func() error { return r.o.Slack.PostEphemeral(ctx, at, res.in.user, answer) }); err != nil {
		r.log.Warn("answer to a click can't be posted", slog.String(logkey.Event, event), slog.String(logkey.SlackUser, in.user),
			slog.String(logkey.ChannelID, at.Channel), slog.String(logkey.Error, err.Error()))
	}
}

func (r *Reviewer) done(in interaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending[in.user]--; r.pending[in.user] == 0 {
		delete(r.pending, in.user)
	}
}

// exclusive runs f unless another click of the same person on the same request is
// being handled.
func (r *Reviewer) exclusive(in interaction, f func() result) result {
	key := in.user + " " + in.request
	if in.submission {
		// The window may be submitted before the click that opened it is finished.
		// Teleport refuses a second review of the same user.
		key += " window"
	}
	r.mu.Lock()
	_, busy := r.working[key]
	if !busy {
		r.working[key] = struct{}{}
	}
	r.mu.Unlock()
	if busy {
		return refuse(in, "under_way", message.AnswerBusy)
	}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.working, key)
	}()
	return f()
}

func (r *Reviewer) renderer(s Settings) message.Renderer {
	return message.Renderer{Cluster: s.Cluster, Buttons: s.Buttons, Style: s.Style}
}

// minPause is the shortest pause before a paced call is tried again.
const minPause = 20 * time.Millisecond

// retryPaced repeats a call as long as our own pacing delays it and ctx allows.
func retryPaced(ctx context.Context, call func() error) error {
	for {
		err := call()
		after := fault.After(err)
		f, ok := fault.As(err)
		if !ok || f.Class != fault.Retry || after == 0 && f.Reason != fault.Paced {
			return err
		}
		after = max(after, minPause)
		if end, has := ctx.Deadline(); has && time.Now().Add(after).After(end) || !wait.Sleep(ctx, after) {
			return err
		}
	}
}
