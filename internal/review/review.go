// Package review is the other direction: a click on a button in Slack becomes
// a review in Teleport, on behalf of whoever clicked.
//
// A click is a claim and nothing more. What it says is checked against what
// Slack and Teleport say when it arrives: that it is ours, that the message is
// one that our record has for this request, that the request is still open and
// may be decided here, that the clicker is a full member of our workspace and
// exactly one Teleport user, and not the requester. Whether that user may
// review the request is Teleport's decision. See docs/native-review.md for
// what each check is there for.
//
// What holds:
//
//   - Nothing is submitted unless every check said yes within the last minute;
//     what could not be asked counts as no.
//   - Every decision and every refusal is one line in the log, and everybody
//     who clicked gets an answer that only they see. Who sent what can't have
//     come from our buttons gets none.
//   - Handlers keep nothing that another replica would need: what a window has
//     to bring back is sealed into it.
//
// It edits no message: the review comes back as an event like any other, and
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
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

// Requests is where requests and their records are read, and reviews submitted.
type Requests interface {
	Request(ctx context.Context, id string) (access.Request, error)
	Record(ctx context.Context, id string) (map[string]string, error)
	SubmitReview(ctx context.Context, id string, r access.Review) (access.Request, error)
}

// Users is where Teleport users are looked up, by exactly what is asked for.
// Nothing is remembered there.
type Users interface {
	UsersByTrait(ctx context.Context, trait, value string) ([]access.User, error)
	// User returns the user of this name, in these letters.
	User(ctx context.Context, name string) (access.User, error)
}

// Slack is what is asked of Slack.
type Slack interface {
	// Member tells who somebody is; fault.NotFound if nobody.
	Member(ctx context.Context, userID string) (Member, error)
	// PostEphemeral shows a message to one person in a thread.
	PostEphemeral(ctx context.Context, at access.MessageRef, userID string, m message.Message) error
	// OpenView opens a window in front of whoever clicked.
	OpenView(ctx context.Context, trigger string, v slackapi.ModalViewRequest) error
}

// Member is a Slack user as far as their clicks are concerned.
type Member struct {
	ID       string
	Teams    []string // the workspaces and the organisation that they belong to
	Email    string   // empty where the token may not see it
	Deleted  bool
	Bot      bool // also workflows and Slackbot
	Guest    bool // of one channel or several
	Stranger bool // of another workspace

	EmailUnconfirmed bool // Slack says that nobody has shown that it is theirs
}

// Observer counts what becomes of clicks.
type Observer interface {
	Reviewed(r Result)
}

// Result is what became of a click.
type Result struct {
	Decision string // approve or deny
	Outcome  Outcome
	Reason   string // why not, as a short stable name; empty where the review is in
}

// Outcome is how a click ended.
type Outcome string

// The outcomes.
const (
	Submitted Outcome = "submitted" // the review is in
	Asked     Outcome = "asked"     // a window asks for the reason
	Refused   Outcome = "refused"   // a check said no
	Failed    Outcome = "failed"    // something could not be asked or done
	Repeated  Outcome = "repeated"  // the same click again
)

// Settings are what is in force when a click arrives.
type Settings struct {
	Buttons    access.Buttons
	Trait      string // that holds the Slack ID of a Teleport user; empty for none
	EmailMatch bool   // a Slack email that is a Teleport username will do
	TeamID     string // our workspace
	AppID      string // our app; empty where nobody told us
	Secret     string // what all replicas share and nobody else has: the app token
	Cluster    access.Cluster
	Style      message.Style // the language of answers and windows
}

// Options are a Reviewer's collaborators.
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
	// maxWaiting clicks wait for a worker. What is beyond was acknowledged and
	// is dropped with a line in the log, rather than kept in ever more memory.
	maxWaiting = 2000
	// maxOfOne is how many of them may be one person's.
	maxOfOne = 16
	// clickTimeout bounds the work for one click, answerTimeout its answer.
	clickTimeout  = 20 * time.Second
	answerTimeout = 10 * time.Second
)

// Reviewer acts on clicks. New makes one.
type Reviewer struct {
	o       Options
	log     *slog.Logger
	waiting chan interaction
	people  *people
	seen    *seen

	mu    sync.Mutex
	of    map[string]int      // person → their clicks that are not done
	doing map[string]struct{} // person and request that somebody works on
}

// New returns a Reviewer that does nothing until Run.
func New(o Options) *Reviewer {
	r := &Reviewer{
		o: o, log: o.Log, waiting: make(chan interaction, maxWaiting), people: newPeople(), seen: newSeen(),
		of: map[string]int{}, doing: map[string]struct{}{},
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	return r
}

// Take accepts what came over Slack's connection. It returns at once, with
// what belongs into the acknowledgement: nil, or what a window has to say. The
// work is done by Run.
func (r *Reviewer) Take(envelope string, payload []byte) json.RawMessage {
	in, err := decode(payload)
	if err != nil {
		if !errors.Is(err, errNotOurs) {
			r.log.Warn("a click can't be read and is ignored", slog.String(logkey.Event, event), slog.String(logkey.Error, err.Error()))
		}
		return nil
	}
	if in.submission && in.reason == "" {
		// Slack asks for one itself; white space passes there.
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
		r.tell(in, result{outcome: Repeated, why: "replay"})
		return nil
	}
	if why := r.queue(in); why != "" {
		r.tell(in, result{outcome: Failed, why: why})
	}
	return nil
}

// queue hands the click to a worker, or says why not.
func (r *Reviewer) queue(in interaction) (why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[in.user] >= maxOfOne {
		return "too_many_clicks"
	}
	select {
	case r.waiting <- in:
		r.of[in.user]++
		return ""
	default:
		return "overloaded"
	}
}

// Run works on clicks until ctx ends, then on those that wait for as long as
// drain lasts. It returns when nothing of it runs any more.
func (r *Reviewer) Run(ctx context.Context, drain time.Duration) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(drain, cancel)
		context.AfterFunc(work, func() { timer.Stop() })
	})
	defer stop()

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

// handle works on one click and answers it.
func (r *Reviewer) handle(ctx context.Context, in interaction) {
	defer r.done(in)
	s := r.o.Settings()
	res := r.alone(in, func() result {
		ctx, cancel := context.WithTimeout(ctx, clickTimeout)
		defer cancel()
		return r.judge(ctx, s, in)
	})
	r.tell(in, res)
	if res.silent {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	at := access.MessageRef{Channel: res.in.channel, TS: res.in.ts}
	answer := r.renderer(s).Answer(res.answer, res.req, res.details, res.in.decision)
	if err := patient(ctx, func() error { return r.o.Slack.PostEphemeral(ctx, at, res.in.user, answer) }); err != nil {
		r.log.Warn("who clicked could not be answered", slog.String(logkey.Event, event), slog.String(logkey.SlackUser, in.user),
			slog.String(logkey.ChannelID, at.Channel), slog.String(logkey.Error, err.Error()))
	}
}

func (r *Reviewer) done(in interaction) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of[in.user]--; r.of[in.user] == 0 {
		delete(r.of, in.user)
	}
}

// alone runs f unless a click of the same person for the same message is
// under way.
func (r *Reviewer) alone(in interaction, f func() result) result {
	key := in.user + " " + in.request
	if in.submission {
		// Its window may come back before the click that opened it is through
		// with it. Two reviews of one person are Teleport's to refuse.
		key += " window"
	}
	r.mu.Lock()
	_, busy := r.doing[key]
	if !busy {
		r.doing[key] = struct{}{}
	}
	r.mu.Unlock()
	if busy {
		return refuse(in, "under_way", message.AnswerBusy)
	}
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.doing, key)
	}()
	return f()
}

func (r *Reviewer) renderer(s Settings) message.Renderer {
	return message.Renderer{Cluster: s.Cluster, Buttons: s.Buttons, Style: s.Style}
}
