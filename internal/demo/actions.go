package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

const (
	maxBodyBytes = 256 << 10 // people may want to try a very long reason
	maxTTL       = 24 * time.Hour
)

// action handles a POST whose body is a T. The response is what f returns as
// JSON, or {"error": …}.
func action[T any](f func(r *http.Request, in T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			var tooLong *http.MaxBytesError
			if errors.As(err, &tooLong) {
				writeError(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request is longer than %d bytes", maxBodyBytes))
				return
			}
			writeError(w, http.StatusBadRequest, "the request can't be parsed: "+err.Error())
			return
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			writeError(w, http.StatusBadRequest, "the request has data after its end")
			return
		}
		out, err := f(r, in)
		if err != nil {
			writeError(w, trace.ErrorToCode(err), trace.UserMessage(err))
			return
		}
		writeJSON(w, http.StatusOK, out)
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"the response can't be encoded as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // fails if the browser is gone
}

func writeError(w http.ResponseWriter, status int, why string) {
	writeJSON(w, status, map[string]string{"error": why})
}

// changed is the response to an action on one request.
type changed struct {
	ID string `json:"id"`
}

type newRequest struct {
	User       string   `json:"user"`
	Roles      []string `json:"roles"`
	Resources  []string `json:"resources"` // names of nodes
	Reason     string   `json:"reason"`
	Reviewers  []string `json:"reviewers"`   // suggested: usernames or emails
	TTLSeconds int      `json:"ttl_seconds"` // how long it may stay undecided; 0 for an hour
}

func (p *page) createRequest(_ *http.Request, in newRequest) (any, error) {
	ttl := time.Duration(in.TTLSeconds) * time.Second
	switch {
	case in.User == "":
		return nil, trace.BadParameter("choose who requests access")
	case len(in.Roles)+len(in.Resources) == 0:
		return nil, trace.BadParameter("choose at least one role or resource")
	case in.TTLSeconds < 0 || in.TTLSeconds > int(maxTTL/time.Second):
		return nil, trace.BadParameter("a request can wait for up to %s", maxTTL)
	}
	req, err := p.env.teleport.CreateRequest(teleporttest.Request{
		User: in.User, Roles: in.Roles, Resources: resourceIDs(in.Resources),
		Reason: in.Reason, SuggestedReviewers: in.Reviewers,
		Thresholds: p.env.fixtures.thresholds(in.Roles), TTL: ttl,
		AccessTTL: accessTTL,
	})
	if err != nil {
		return nil, err
	}
	p.noteAction(req.GetName(), "%s requests %s", in.User, strings.Join(append(slices.Clone(in.Roles), p.env.fixtures.hostnames(in.Resources)...), ", "))
	return changed{req.GetName()}, nil
}

// noteAction adds an action on the page to the journal, and notifies every page.
func (p *page) noteAction(id, format string, args ...any) {
	p.env.journal.note(fromPeople, id, format, args...)
	p.env.counter.schedule()
	p.requests.notify()
}

// accessTTL is how long access lasts that the demo grants.
const accessTTL = 8 * time.Hour

func resourceIDs(names []string) []types.ResourceID {
	var ids []types.ResourceID
	for _, n := range names {
		ids = append(ids, types.ResourceID{ClusterName: clusterName, Kind: types.KindNode, Name: n})
	}
	return ids
}

type decision struct {
	Author   string `json:"author"`   // who reviews; not for administrators
	Decision string `json:"decision"` // "approve" or "deny"
	Reason   string `json:"reason"`
}

func (d decision) state() (types.RequestState, error) {
	switch d.Decision {
	case "approve":
		return types.RequestState_APPROVED, nil
	case "deny":
		return types.RequestState_DENIED, nil
	}
	return 0, trace.BadParameter("the decision must be approve or deny, not %q", d.Decision)
}

func (p *page) review(r *http.Request, in decision) (any, error) {
	state, err := in.state()
	if err != nil {
		return nil, err
	}
	if in.Author == "" {
		return nil, trace.BadParameter("choose who reviews")
	}
	if _, err = p.env.teleport.Review(r.PathValue("id"), in.Author, state, in.Reason); err != nil {
		return nil, err
	}
	p.noteAction(r.PathValue("id"), "%s reviews the request: %s", in.Author, state)
	return changed{r.PathValue("id")}, nil
}

func (p *page) setState(r *http.Request, in decision) (any, error) {
	state, err := in.state()
	if err != nil {
		return nil, err
	}
	if in.Author != "" {
		return nil, trace.BadParameter("a decision of an administrator has no author")
	}
	if err := p.env.teleport.SetState(r.PathValue("id"), state, in.Reason); err != nil {
		return nil, err
	}
	p.noteAction(r.PathValue("id"), "an administrator resolves the request: %s", state)
	return changed{r.PathValue("id")}, nil
}

func (p *page) expire(r *http.Request, _ struct{}) (any, error) {
	if err := p.env.teleport.Expire(r.PathValue("id")); err != nil {
		return nil, err
	}
	p.noteAction(r.PathValue("id"), "the request expires")
	return changed{r.PathValue("id")}, nil
}

func (p *page) delete(r *http.Request, _ struct{}) (any, error) {
	if err := p.env.teleport.Delete(r.PathValue("id")); err != nil {
		return nil, err
	}
	p.noteAction(r.PathValue("id"), "an administrator deletes the request")
	return changed{r.PathValue("id")}, nil
}

type switchState struct {
	On bool `json:"on"`
}

func (p *page) setSwitch(r *http.Request, in switchState) (any, error) {
	return struct{}{}, p.env.switches.turn(p.processCtx, r.PathValue("name"), in.On)
}

// restartTeleport restarts the Teleport double while the plugin runs.
func (p *page) restartTeleport(*http.Request, struct{}) (any, error) {
	p.env.journal.add(entry{From: fromDemo, Text: "Teleport restarts", Trouble: true})
	return struct{}{}, p.env.teleport.Restart()
}

// maxMany is how many requests one click may create.
const maxMany = 5000

type manyRequests struct {
	Count int `json:"count"`
}

// many creates requests in bulk, in turn for every person and role.
func (p *page) many(_ *http.Request, in manyRequests) (any, error) {
	f := p.env.fixtures
	if in.Count < 1 || in.Count > maxMany || len(f.roles) == 0 {
		return nil, trace.BadParameter("between 1 and %d requests at once", maxMany)
	}
	for i := range in.Count {
		roles := []string{f.roles[i%len(f.roles)].name}
		r, err := p.env.teleport.CreateRequest(teleporttest.Request{
			User: f.people[i%len(f.people)].teleport, Roles: roles, Reason: "one of " + strconv.Itoa(in.Count),
			Thresholds: f.thresholds(roles), AccessTTL: accessTTL,
		})
		if err != nil {
			return nil, err
		}
		p.env.journal.note(fromPeople, r.GetName(), "%s requests %s", r.GetUser(), roles[0])
	}
	p.requestsChanged()
	return struct{}{}, nil
}
