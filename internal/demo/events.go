package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

const (
	// pageSize is how many messages of a conversation are sent at once; the page
	// requests older ones.
	pageSize = 100
	// streamBuffer is how many changes may wait for a slow browser. When it is
	// full, the browser gets a new snapshot.
	streamBuffer = 1024
	// writeTimeout is how long a browser may take for one event.
	writeTimeout = 10 * time.Second
	// requestsDelay is how long changes of the request list are collected, since
	// each is sent as the whole list.
	requestsDelay = 50 * time.Millisecond
	// keepAliveInterval keeps proxies from closing an idle stream, and detects
	// browsers that are gone without having closed the connection.
	keepAliveInterval = 20 * time.Second
)

// historyView is a part of a conversation, oldest first.
type historyView struct {
	Conversation string        `json:"conversation"`
	Messages     []messageView `json:"messages"`
	More         bool          `json:"more"` // there are older ones
}

// history returns the newest messages before a timestamp; "" means from the newest.
func (p *page) history(conversation, before string) historyView {
	id := conversation
	if dm, ok := p.env.slack.DM(conversation); ok {
		id = dm
	}
	all := p.env.slack.Messages(id)
	if before != "" {
		end := slices.IndexFunc(all, func(m slacktest.Message) bool { return m.TS >= before })
		if end >= 0 {
			all = all[:end]
		}
	}
	h := historyView{Conversation: conversation, Messages: []messageView{}, More: len(all) > pageSize}
	for _, m := range all[max(0, len(all)-pageSize):] {
		h.Messages = append(h.Messages, viewMessage(m))
	}
	return h
}

func (p *page) olderMessages(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, p.history(r.PathValue("id"), r.URL.Query().Get("before")))
}

// timelinePage is how many journal entries are sent at once; the page requests
// older ones.
const timelinePage = 300

// timelineView is a part of the journal, oldest first.
type timelineView struct {
	Entries []entry `json:"entries"`
	More    bool    `json:"more"` // there are older ones
}

// timeline returns the journal of one request, or of everything.
func (p *page) timeline(w http.ResponseWriter, r *http.Request) {
	before, err := strconv.Atoi(r.URL.Query().Get("before"))
	if err != nil {
		before = 0 // from the newest
	}
	entries, more := p.env.journal.about(r.URL.Query().Get("request"), before, timelinePage)
	if entries == nil {
		entries = []entry{}
	}
	writeJSON(w, http.StatusOK, timelineView{entries, more})
}

// snapshotView is the whole state. Every stream begins with it.
type snapshotView struct {
	Directory directoryView `json:"directory"`
	requestsView
	Ephemerals []ephemeralView `json:"ephemerals"`
	History    []historyView   `json:"history"`
	Windows    []windowView    `json:"windows"`
	Switches   []switchView    `json:"switches"`
	Counts     countsView      `json:"counts"`
}

func (p *page) snapshot() snapshotView {
	s := snapshotView{Directory: p.directory(), requestsView: p.requestList(), Ephemerals: []ephemeralView{}, Windows: p.windows(),
		Switches: p.env.switches.view(), Counts: p.env.counter.view()}
	for _, c := range s.Directory.Conversations {
		s.History = append(s.History, p.history(c.ID, ""))
	}
	ephemerals := p.env.slack.EphemeralMessages()
	for _, m := range ephemerals[max(0, len(ephemerals)-pageSize):] {
		s.Ephemerals = append(s.Ephemerals, p.ephemeral(m))
	}
	return s
}

// messageEvent is the current state of a top-level message with its thread. If
// Message is nil, it was deleted.
type messageEvent struct {
	Conversation string       `json:"conversation"`
	TS           string       `json:"ts"`
	Message      *messageView `json:"message,omitempty"`
}

// stream writes server-sent events.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (s stream) send(event string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", event, err)
	}
	return s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", event, b))
}

func (s stream) write(text string) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.rc.Flush()
}

// events streams a snapshot and then every change, until the browser disconnects
// or the demo ends. It subscribes before it takes the snapshot, so a change in
// between is sent twice, which is harmless, and never missed.
func (p *page) events(w http.ResponseWriter, r *http.Request) {
	changes, unsubscribe := p.env.slack.Subscribe(streamBuffer)
	defer unsubscribe()
	requests, unsubscribe := p.requests.subscribe()
	defer unsubscribe()
	switches, unsubscribe := p.env.switches.news.subscribe()
	defer unsubscribe()
	counts, unsubscribe := p.env.counter.news.subscribe()
	defer unsubscribe()
	entries, unsubscribe := p.env.journal.news.subscribe()
	defer unsubscribe()
	_, seen := p.env.journal.since(0, 0)

	w.Header().Set("Content-Type", "text/event-stream")
	s := stream{w, http.NewResponseController(w)}
	keepAlive := time.NewTicker(keepAliveInterval)
	defer keepAlive.Stop()
	var due <-chan time.Time
	err := s.send("snapshot", p.snapshot())
	for err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-keepAlive.C:
			err = s.write(": still here\n\n")
		case <-requests:
			if due == nil {
				due = time.After(requestsDelay)
			}
		case <-due:
			due = nil
			err = s.send("requests", p.requestList())
		case <-switches:
			err = s.send("switches", p.env.switches.view())
		case <-counts:
			err = s.send("counts", p.env.counter.view())
		case <-entries:
			var news []entry
			news, seen = p.env.journal.since(seen, timelinePage)
			err = s.send("timeline", news)
		case c, ok := <-changes:
			switch {
			case !ok:
				return
			case c.Missed > 0:
				err = s.send("snapshot", p.snapshot())
			case c.Kind == slacktest.WorldChanged:
				err = s.send("directory", p.directory())
			case c.Kind == slacktest.EphemeralPosted:
				err = s.send("ephemeral", p.ephemeral(c.Message))
			case c.Kind == slacktest.ViewsChanged:
				err = s.send("windows", p.windows())
			default:
				err = s.send("message", p.messageEvent(c))
			}
		}
	}
}

// messageEvent turns a change into the message at the top of its thread.
func (p *page) messageEvent(c slacktest.Change) messageEvent {
	e := messageEvent{Conversation: p.conversationID(c.Channel), TS: c.Message.TS}
	if c.Message.ThreadTS != "" {
		e.TS = c.Message.ThreadTS
	}
	if m, ok := p.env.slack.Message(c.Channel, e.TS); ok {
		v := viewMessage(m)
		e.Message = &v
	}
	return e
}
