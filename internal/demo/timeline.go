package demo

import (
	"net/http"
	"strconv"

	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// timelinePage is how many entries of the journal are sent at once; older ones
// are asked for.
const timelinePage = 300

// timelineView is a stretch of the journal, oldest first.
type timelineView struct {
	Entries []entry `json:"entries"`
	More    bool    `json:"more"` // there are older ones
}

// timeline returns what happened about a request, or about everything.
func (p *page) timeline(w http.ResponseWriter, r *http.Request) {
	before, err := strconv.Atoi(r.URL.Query().Get("before"))
	if err != nil {
		before = 0 // the end
	}
	entries, more := p.stage.journal.about(r.URL.Query().Get("request"), before, timelinePage)
	if entries == nil {
		entries = []entry{}
	}
	answer(w, http.StatusOK, timelineView{entries, more})
}

type position struct {
	On bool `json:"on"`
}

func (p *page) turn(r *http.Request, in position) (any, error) {
	return struct{}{}, p.stage.switches.turn(p.life, r.PathValue("name"), in.On)
}

// restartTeleport restarts it under the plugin.
func (p *page) restartTeleport(*http.Request, struct{}) (any, error) {
	p.stage.journal.add(entry{From: fromDemo, Text: "Teleport restarts", Trouble: true})
	return struct{}{}, p.stage.teleport.Restart()
}

// maxMany bounds what one click can ask for.
const maxMany = 5000

type crowd struct {
	Count int `json:"count"`
}

// many lets everybody request something, over and over: what a bad morning
// looks like.
func (p *page) many(_ *http.Request, in crowd) (any, error) {
	w := p.stage.world
	if in.Count < 1 || in.Count > maxMany || len(w.roles) == 0 {
		return nil, trace.BadParameter("between 1 and %d requests at once", maxMany)
	}
	for i := range in.Count {
		roles := []string{w.roles[i%len(w.roles)].name}
		r, err := p.stage.teleport.CreateRequest(teleporttest.Request{
			User: w.people[i%len(w.people)].teleport, Roles: roles, Reason: "one of " + strconv.Itoa(in.Count),
			Thresholds: w.thresholds(roles), AccessTTL: accessTTL,
		})
		if err != nil {
			return nil, err
		}
		p.stage.journal.note(fromPeople, r.GetName(), "%s requests %s", r.GetUser(), roles[0])
	}
	p.look()
	return struct{}{}, nil
}
