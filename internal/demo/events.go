package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

const (
	// pageSize is how many messages of a conversation are sent at once; older
	// ones are asked for.
	pageSize = 100
	// streamBuffer is how many changes may wait for a slow browser; one that is
	// slower gets everything anew.
	streamBuffer = 1024
	// writePatience is how long a browser may take for one event.
	writePatience = 10 * time.Second
	// gather is how long changes of the requests are gathered: each is told as
	// the whole list.
	gather = 50 * time.Millisecond
	// heartbeat keeps what is between us and the browser from closing a quiet
	// stream, and notices browsers that went away without a word.
	heartbeat = 20 * time.Second
)

// historyView is a stretch of a conversation, oldest first.
type historyView struct {
	Conversation string        `json:"conversation"`
	Messages     []messageView `json:"messages"`
	More         bool          `json:"more"` // there are older ones
}

// history returns the newest messages before a timestamp; "" for the newest of all.
func (p *page) history(conversation, before string) historyView {
	id := conversation
	if dm, ok := p.stage.slack.DM(conversation); ok {
		id = dm
	}
	all := p.stage.slack.Messages(id)
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
	answer(w, http.StatusOK, p.history(r.PathValue("id"), r.URL.Query().Get("before")))
}

// snapshotView is everything, which every stream begins with.
type snapshotView struct {
	World worldView `json:"world"`
	requestsView
	Whispers []whisperView `json:"whispers"`
	History  []historyView `json:"history"`
	Windows  []windowView  `json:"windows"`
	Switches []switchView  `json:"switches"`
	Counts   countView     `json:"counts"`
}

func (p *page) snapshot() snapshotView {
	s := snapshotView{World: p.world(), requestsView: p.requestList(), Whispers: []whisperView{}, Windows: p.windows(),
		Switches: p.stage.switches.view(), Counts: p.stage.counts.view()}
	for _, c := range s.World.Conversations {
		s.History = append(s.History, p.history(c.ID, ""))
	}
	whispers := p.stage.slack.EphemeralMessages()
	for _, m := range whispers[max(0, len(whispers)-pageSize):] {
		s.Whispers = append(s.Whispers, p.whisper(m))
	}
	return s
}

// messageEvent is a message that stands at the top of a conversation, as it is
// now with its thread; without one, the message is gone.
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
	if err := s.rc.SetWriteDeadline(time.Now().Add(writePatience)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.rc.Flush()
}

// events streams a snapshot and then every change, until the browser goes or
// the demo ends. It subscribes before it takes the snapshot: what happens in
// between is told twice, which changes nothing, and never missed.
func (p *page) events(w http.ResponseWriter, r *http.Request) {
	changes, unsubscribe := p.stage.slack.Subscribe(streamBuffer)
	defer unsubscribe()
	requests, leave := p.requests.join()
	defer leave()
	turned, leave := p.stage.switches.news.join()
	defer leave()
	counted, leave := p.stage.counts.news.join()
	defer leave()
	happened, leave := p.stage.journal.news.join()
	defer leave()
	_, seen := p.stage.journal.since(0, 0)

	w.Header().Set("Content-Type", "text/event-stream")
	s := stream{w, http.NewResponseController(w)}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	var due <-chan time.Time
	err := s.send("snapshot", p.snapshot())
	for err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			err = s.write(": still here\n\n")
		case <-requests: // many changes in a moment are told once
			if due == nil {
				due = time.After(gather)
			}
		case <-due:
			due = nil
			err = s.send("requests", p.requestList())
		case <-turned:
			err = s.send("switches", p.stage.switches.view())
		case <-counted:
			err = s.send("counts", p.stage.counts.view())
		case <-happened:
			var news []entry
			news, seen = p.stage.journal.since(seen, timelinePage)
			err = s.send("timeline", news)
		case c, ok := <-changes:
			switch {
			case !ok:
				return
			case c.Missed > 0:
				err = s.send("snapshot", p.snapshot())
			case c.Kind == slacktest.WorldChanged:
				err = s.send("world", p.world())
			case c.Kind == slacktest.EphemeralPosted:
				err = s.send("whisper", p.whisper(c.Message))
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
	if m, ok := p.stage.slack.Message(c.Channel, e.TS); ok {
		v := viewMessage(m)
		e.Message = &v
	}
	return e
}
