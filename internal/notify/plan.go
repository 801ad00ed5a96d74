package notify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// Op is a kind of step.
type Op uint8

// The kinds of steps, in the order in which one copy needs them.
const (
	Recover     Op = iota // find out whether an unfinished post arrived
	Post                  // post the message
	Update                // edit the message
	React                 // add the reaction to it
	Reply                 // post a review in its thread
	Final                 // post the outcome in its thread
	NotifyEnds            // post in its thread that access will end
	NotifyEnded           // post in its thread that access has ended
	Remind                // post in its thread that the request waits
)

var opNames = [...]string{"recover", "post", "update", "react", "reply", "final", "access-ends", "access-ended", "reminder"}

// String returns the name of the operation.
func (o Op) String() string { return opNames[o] }

// Ops returns every kind of step.
func Ops() []Op {
	return []Op{Recover, Post, Update, React, Reply, Final, NotifyEnds, NotifyEnded, Remind}
}

// posts reports whether the step makes a new message, which must not be doubled.
func (o Op) posts() bool { return o != Recover && o != Update && o != React }

// describes reports whether the message of the step names what the request asks
// for.
func (o Op) describes() bool {
	return o == Post || o == Update || o == NotifyEnds || o == NotifyEnded
}

// urgency orders the steps of a round: first messages, then changes, then what
// goes into threads, and last looks for lost posts, which may take long.
func (o Op) urgency() int {
	switch o {
	case Post:
		return 0
	case Update, React:
		return 1
	case Recover:
		return 3
	}
	return 2
}

// Step is one thing to do for one copy.
type Step struct {
	Op       Op
	Copy     string // the copy's ID
	Review   int    // index in the request's reviews, for Reply
	Reminder int    // counts reminders in the thread from 1, for Remind
}

// Part names what the step posts, as intents and metadata have it.
func (step Step) Part() string {
	switch step.Op {
	case Reply:
		return "review-" + strconv.Itoa(step.Review)
	case Remind:
		return "reminder-" + strconv.Itoa(step.Reminder)
	case Final, NotifyEnds, NotifyEnded:
		return step.Op.String()
	}
	return "request"
}

// Plan returns the next step of each copy that has one, the most urgent first.
// It is pure, and once its steps were applied until none is left, Slack shows
// the request.
func Plan(s State) []Step {
	var steps []Step
	for _, c := range s.Record.Copies {
		if step, due := nextStep(s, c); due {
			steps = append(steps, step)
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.Op.urgency(), b.Op.urgency()) })
	return steps
}

// nextStep returns what the copy needs next, if anything.
func nextStep(s State, c record.Copy) (step Step, due bool) {
	step = Step{Copy: c.ID()}
	do := func(op Op) (Step, bool) { step.Op = op; return step, true }
	// Where a post was refused, such as a reply in a locked thread, the message
	// that is there can still be updated.
	refused := c.Failure != nil && !c.Failure.At.Before(s.RetryBefore)
	switch {
	case c.Unknown(), refused && c.At.IsZero():
		return Step{}, false
	case c.Intent != nil:
		return do(Recover)
	case c.At.IsZero():
		if held(s, c) || c.Failure != nil && s.Request.State.Resolved() {
			return Step{}, false // not wanted yet, or nothing is left to decide
		}
		return do(Post)
	case stale(s, c):
		return do(Update)
	case needsReaction(s, c):
		return do(React)
	case refused:
		return Step{}, false
	case c.Replies < len(s.Request.Reviews):
		step.Review = c.Replies
		return do(Reply)
	case s.Request.State.Resolved() && !c.Final && (c.For == access.Requester || c.Locked):
		return do(Final)
	case c.For == access.Requester && s.ending() && !c.NoticePosted:
		return do(NotifyEnds)
	case c.For == access.Requester && s.ended() && s.Ends.Ended && !c.EndPosted:
		return do(NotifyEnded)
	case reminderDue(s, c):
		step.Reminder = c.Reminders + 1
		return do(Remind)
	}
	return Step{}, false
}

// stale reports whether the copy shows something else than the request is.
func stale(s State, c record.Copy) bool {
	// Messages that the published plugin brought to their end stay as they are.
	lacksEnd := s.ended() && !c.ShowsEnded && c.Shown != ""
	switch {
	case c.Locked:
		return false
	case s.Gone:
		// The tombstone has less than what a digest covers.
		return c.State != s.Request.State || lacksEnd
	case c.Shown == "":
		// The published plugin edited it last: it shows the state, and a reply for each review.
		return c.State != s.Request.State || c.Replies < len(s.Request.Reviews)
	}
	return c.State != s.Request.State || lacksEnd || c.Shown != s.digest(c.For)
}

// needsReaction reports whether the copy lacks its emoji. The published plugin
// adds none, and a late one on a message that it brought to its end would only
// notify people again.
func needsReaction(s State, c record.Copy) bool {
	emoji := reaction(s.Request.State)
	byPublished := c.Shown == "" && c.State == s.Request.State
	return s.CanReact && emoji != "" && c.Reaction != emoji && !byPublished
}

// reaction returns the emoji for a state, or "".
func reaction(s access.State) string {
	switch s {
	case access.Approved, access.Promoted:
		return "white_check_mark"
	case access.Denied:
		return "x"
	}
	return ""
}

// Apply returns the copy as it is once Slack has taken the step; ref is where a
// message of its own is.
func (step Step) Apply(s State, c record.Copy, ref access.MessageRef) record.Copy {
	c.Failure = nil
	switch step.Op {
	case Post:
		c.Intent, c.At = nil, ref
		c.Shown, c.State, c.Final = s.digest(c.For), s.Request.State, s.Request.State.Resolved()
		c.ShowsEnded = over(s.Request, s.Now)
	case Update:
		c.Shown, c.State, c.ShowsEnded = s.digest(c.For), s.Request.State, over(s.Request, s.Now)
	case React:
		c.Reaction = reaction(s.Request.State)
	case Reply:
		c.Intent, c.Replies = nil, max(c.Replies, step.Review+1)
	case Final:
		c.Intent, c.Final = nil, true
	case Remind:
		c.Intent, c.Reminders, c.RemindedAt = nil, max(c.Reminders, step.Reminder), s.Now
	case NotifyEnds:
		c.Intent, c.NoticePosted = nil, true
	case NotifyEnded:
		c.Intent, c.EndPosted = nil, true
	case Recover: // see found
	}
	return c
}

// found returns the copy with a lost post that was found in Slack. What a found
// message shows is not known, so that it is updated once more.
func found(c record.Copy, part string, ref access.MessageRef) record.Copy {
	c.Intent = nil
	switch part {
	case "request":
		c.At, c.Shown = ref, "found"
	case Final.String():
		c.Final = true
	case NotifyEnds.String():
		c.NoticePosted = true
	case NotifyEnded.String():
		c.EndPosted = true
	default:
		kind, number, _ := strings.Cut(part, "-")
		switch n, err := strconv.Atoi(number); {
		case err != nil:
		case kind == "review":
			c.Replies = max(c.Replies, n+1)
		case kind == "reminder":
			c.Reminders, c.RemindedAt = max(c.Reminders, n), postedAt(ref)
		}
	}
	return c
}

// digestLen is the length of a Digest.
const digestLen = 12

// Digest identifies what a message about the request shows. It covers the
// request and its buttons and not how it is worded, so that a new version of
// the plugin or a friendlier resource name does not edit every old message.
func Digest(req access.Request, to access.Audience, b access.Buttons) string {
	approvals, denials := req.Counts()
	shown := struct {
		To                    access.Audience
		Kind                  access.Kind
		Roles                 []string
		Resources             []access.Resource
		Reason, ResolveReason string
		State                 access.State
		Reviewers             []string
		Approvals, Denials    int
		Thresholds            []access.Threshold
		List                  string
		Expires               time.Time
		AccessExpires, Assume time.Time
		Recommended           string   `json:",omitempty"`
		Unread                []string `json:",omitempty"`
		Buttons               string   `json:",omitempty"` // as before there were any where there are none
	}{
		To: to, Kind: req.Kind, Roles: req.Roles, Resources: req.Resources,
		Reason: req.Reason, ResolveReason: req.ResolveReason, State: req.State,
		Reviewers: req.SuggestedReviewers, Approvals: approvals, Denials: denials,
		Thresholds: req.Thresholds, List: req.AccessListTitle,
		AccessExpires: req.AccessExpires.UTC().Truncate(time.Second), Assume: req.AssumeStart.UTC().Truncate(time.Second),
		Recommended: req.RecommendedList, Unread: req.Unread,
		Buttons: message.DescribeButtons(b, req, to),
	}
	if !req.State.Resolved() {
		shown.Expires = req.Expires.UTC().Truncate(time.Second)
	}
	text, err := json.Marshal(shown)
	if err != nil {
		panic("notify: a struct of strings, numbers and times always marshals: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:digestLen/2])
}
