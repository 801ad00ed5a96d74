package demo

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// The sources of journal entries.
const (
	fromPeople   = "people"   // an action on the page
	fromTeleport = "teleport" // a call to Teleport
	fromSlack    = "slack"    // a call to Slack
	fromDemo     = "demo"     // a switch, or a process that starts or ends
	// Any other source is a process of the plugin, and the entry a line of its log.
)

// keepEntries is how many journal entries are kept: enough for some thousand
// requests.
const keepEntries = 50_000

// entry is one thing that happened.
type entry struct {
	Seq     int       `json:"seq"` // 1, 2, …
	At      time.Time `json:"at"`
	From    string    `json:"from"`
	Request string    `json:"request,omitempty"` // access request ID, if it is about one
	Text    string    `json:"text"`
	Details []detail  `json:"details,omitempty"`
	Trouble bool      `json:"trouble,omitempty"` // a failure
}

type detail struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// journal is everything that happened, in the order in which it was recorded.
type journal struct {
	mu      sync.Mutex
	entries []entry
	seq     int
	news    *signal
}

func newJournal() *journal { return &journal{news: newSignal()} }

func (j *journal) add(e entry) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	j.mu.Lock()
	j.seq++
	e.Seq = j.seq
	j.entries = append(j.entries, e)
	if len(j.entries) > 2*keepEntries {
		j.entries = slices.Clone(j.entries[len(j.entries)-keepEntries:])
	}
	j.mu.Unlock()
	j.news.notify()
}

// note adds an entry about a request, timed now.
func (j *journal) note(from, request, format string, args ...any) {
	j.add(entry{From: from, Request: request, Text: fmt.Sprintf(format, args...)})
}

// since returns the newest entries after seq, at most limit, and the newest
// sequence number.
func (j *journal) since(seq, limit int) ([]entry, int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	i, _ := slices.BinarySearchFunc(j.entries, seq+1, func(e entry, s int) int { return cmp.Compare(e.Seq, s) })
	news := j.entries[i:]
	return slices.Clone(news[max(0, len(news)-limit):]), j.seq
}

// about returns the newest entries about a request before a sequence number,
// oldest first, and whether there are older ones. An empty request means all;
// before 0 means from the newest.
func (j *journal) about(request string, before, limit int) (found []entry, more bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range slices.Backward(j.entries) {
		switch {
		case before > 0 && e.Seq >= before, request != "" && e.Request != request:
			continue
		case len(found) == limit:
			slices.Reverse(found)
			return found, true
		}
		found = append(found, e)
	}
	slices.Reverse(found)
	return found, false
}

// requestKey is the log attribute with the access request ID.
const requestKey = "request_id"

// logHandler is a slog.Handler that adds one process's log to the journal, at
// every level, and passes on to next what next is enabled for.
type logHandler struct {
	next  slog.Handler
	to    *journal
	name  string
	attrs []slog.Attr
	group string
}

func (d logHandler) Enabled(context.Context, slog.Level) bool { return true }

func (d logHandler) Handle(ctx context.Context, r slog.Record) error {
	e := entry{At: r.Time, From: d.name, Text: r.Message, Trouble: r.Level >= slog.LevelWarn}
	take := func(a slog.Attr) bool {
		switch value := plain(a.Value); {
		case a.Key == requestKey:
			e.Request = value
		case value != "":
			e.Details = append(e.Details, detail{a.Key, value})
		}
		return true
	}
	for _, a := range d.attrs {
		take(a)
	}
	r.Attrs(func(a slog.Attr) bool { a.Key = d.group + a.Key; return take(a) })
	d.to.add(e)
	if d.next.Enabled(ctx, r.Level) {
		return d.next.Handle(ctx, r)
	}
	return nil
}

func plain(v slog.Value) string {
	if list, ok := v.Resolve().Any().([]string); ok {
		return strings.Join(list, ", ")
	}
	return v.Resolve().String()
}

func (d logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	d.attrs = slices.Clone(d.attrs)
	for _, a := range attrs {
		d.attrs = append(d.attrs, slog.Attr{Key: d.group + a.Key, Value: a.Value})
	}
	d.next = d.next.WithAttrs(attrs)
	return d
}

func (d logHandler) WithGroup(name string) slog.Handler {
	d.group = strings.TrimPrefix(d.group+name+".", ".")
	d.next = d.next.WithGroup(name)
	return d
}
