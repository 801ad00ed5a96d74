package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/record"
)

// Op is a kind of step.
type Op uint8

// The kinds of steps, in the order in which one copy needs them.
const (
	Recover   Op = iota // find out whether an unfinished post happened
	Post                // post the message
	Update              // edit the message
	React               // put the reaction on it
	Reply               // tell of one review in its thread
	Final               // tell the outcome in its thread
	TellEnds            // tell in its thread that access will end
	TellEnded           // tell in its thread that access has ended
	Remind              // remind in its thread that the request waits
)

var opNames = [...]string{"recover", "post", "update", "react", "reply", "final", "access-ends", "access-ended", "reminder"}

// String returns the name of the operation.
func (o Op) String() string { return opNames[o] }

// posts says that the step makes a new message, which must not be doubled.
func (o Op) posts() bool {
	return o == Post || o == Reply || o == Final || o == TellEnds || o == TellEnded || o == Remind
}

// describes says that what the step sends names what the request asks for.
func (o Op) describes() bool { return o == Post || o == Update || o == TellEnds || o == TellEnded }

// Step is one thing to do for one copy.
type Step struct {
	Op       Op
	Copy     int // index in the record's copies
	Review   int // index in the request's reviews, for Reply
	Reminder int // counts reminders in the thread from 1, for Remind
}

// Part names what the step posts, as intents and metadata have it.
func (s Step) Part() string {
	switch s.Op {
	case Reply:
		return "review-" + strconv.Itoa(s.Review)
	case Remind:
		return "reminder-" + strconv.Itoa(s.Reminder)
	case Final, TellEnds, TellEnded:
		return s.Op.String()
	}
	return "request"
}

// Facts are what Plan compares.
type Facts struct {
	Request   access.Request
	Gone      bool // Teleport no longer has the request; Request is what we remember
	Record    record.Record
	CanReact  bool // the token may put reactions
	Buttons   access.Buttons
	RetryAll  time.Time // failures before this are tried again
	Now       time.Time
	Ends      Ends
	Reminders Reminders
}

// Plan returns the steps that make Slack show the request, in order: first
// messages before changes, changes before replies. It is pure, and after its
// own steps it returns nothing.
func Plan(f Facts) []Step {
	var posts, edits, replies []Step
	for i, c := range f.Record.Copies {
		// Where a post was refused, such as a reply in a locked thread, the
		// message that is there can still be made true.
		refused := c.Failure != nil && !c.Failure.At.Before(f.RetryAll)
		if refused && c.At.IsZero() {
			continue
		}
		if c.To == "" && c.At.IsZero() {
			continue // a name that Slack does not know
		}
		if c.Intent != nil {
			posts = append(posts, Step{Op: Recover, Copy: i})
			continue
		}
		if c.At.IsZero() {
			if held(f, c) {
				continue
			}
			if c.Failure != nil && f.Request.State.Resolved() {
				continue // it could not be told in time, and nothing is left to decide
			}
			posts = append(posts, Step{Op: Post, Copy: i})
			continue
		}
		if stale(f, c) {
			edits = append(edits, Step{Op: Update, Copy: i})
		}
		if e := reaction(f.Request.State); f.CanReact && e != "" && c.Reaction != e && !settledElsewhere(f, c) {
			edits = append(edits, Step{Op: React, Copy: i})
		}
		if refused {
			continue
		}
		for r := c.Replies; r < len(f.Request.Reviews); r++ {
			replies = append(replies, Step{Op: Reply, Copy: i, Review: r})
		}
		if f.Request.State.Resolved() && !c.Final && (c.For == access.Requester || c.Locked) {
			replies = append(replies, Step{Op: Final, Copy: i})
		}
		replies = append(replies, endings(f, i, c)...)
		replies = append(replies, reminders(f, i, c)...)
	}
	return append(append(posts, edits...), replies...)
}

// stale says that the copy does not show what the request is.
func stale(f Facts, c record.Copy) bool {
	// Whose messages the published plugin brought to their end, they stay so.
	endless := f.ended() && !c.Over && c.Shown != ""
	switch {
	case c.Locked:
		return false
	case f.Gone:
		// What we remember of a request is less than what a digest covers.
		return c.State != f.Request.State || endless
	case c.Shown == "":
		// The published plugin edited it last: it shows the state, and a reply for each review.
		return c.State != f.Request.State || c.Replies < len(f.Request.Reviews)
	}
	return c.State != f.Request.State || endless || c.Shown != Digest(f.Request, c.For, f.Buttons)
}

// settledElsewhere says that the published plugin brought this copy to its
// end; it puts no reactions, and a late one would only ring a bell.
func settledElsewhere(f Facts, c record.Copy) bool {
	return c.Shown == "" && c.State == f.Request.State
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

// Digest identifies what a message about the request tells. It covers the
// request and its buttons and not how it is worded, so that a new version of
// the plugin or a friendlier resource name does not edit every old message.
func Digest(req access.Request, to access.Audience, b access.Buttons) string {
	approvals, denials := req.Counts()
	told := struct {
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
		Buttons               string `json:",omitempty"` // as before there were any where there are none
	}{
		To: to, Kind: req.Kind, Roles: req.Roles, Resources: req.Resources,
		Reason: req.Reason, ResolveReason: req.ResolveReason, State: req.State,
		Reviewers: req.SuggestedReviewers, Approvals: approvals, Denials: denials,
		Thresholds: req.Thresholds, List: req.AccessListTitle,
		AccessExpires: req.AccessExpires.UTC().Truncate(time.Second), Assume: req.AssumeStart.UTC().Truncate(time.Second),
		Buttons: message.DescribeButtons(b, req, to),
	}
	if !req.State.Resolved() {
		told.Expires = req.Expires.UTC().Truncate(time.Second)
	}
	text, err := json.Marshal(told)
	if err != nil {
		panic("notify: a struct of strings, numbers and times always marshals: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}
