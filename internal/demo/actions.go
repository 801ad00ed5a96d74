package demo

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gravitational/teleport/api/types"
	"github.com/gravitational/trace"

	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

const (
	maxBodyBytes = 256 << 10 // reasons may be long: that is worth trying
	maxTTL       = 24 * time.Hour
)

// action is a POST whose body is a T. It answers with what f returns as JSON,
// or with {"error": …}.
func action[T any](f func(r *http.Request, in T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in T
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBodyBytes))
		d.DisallowUnknownFields()
		if err := d.Decode(&in); err != nil {
			var tooLong *http.MaxBytesError
			if errors.As(err, &tooLong) {
				refuse(w, http.StatusRequestEntityTooLarge, "this is more than the demo takes at once")
				return
			}
			refuse(w, http.StatusBadRequest, "the request can't be read: "+err.Error())
			return
		}
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			refuse(w, http.StatusBadRequest, "the request has something after its end")
			return
		}
		out, err := f(r, in)
		if err != nil {
			refuse(w, trace.ErrorToCode(err), trace.UserMessage(err))
			return
		}
		answer(w, http.StatusOK, out)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer can't be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the reader is gone; nobody is left to tell
}

func refuse(w http.ResponseWriter, status int, why string) {
	answer(w, status, map[string]string{"error": why})
}

// changed answers an action on one request.
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
		return nil, trace.BadParameter("say who asks")
	case len(in.Roles)+len(in.Resources) == 0:
		return nil, trace.BadParameter("choose at least one role or resource")
	case in.TTLSeconds < 0 || in.TTLSeconds > int(maxTTL/time.Second):
		return nil, trace.BadParameter("a request can wait for up to %s", maxTTL)
	}
	req, err := p.stage.teleport.CreateRequest(teleporttest.Request{
		User: in.User, Roles: in.Roles, Resources: resourceIDs(in.Resources),
		Reason: in.Reason, SuggestedReviewers: in.Reviewers,
		Thresholds: p.stage.world.thresholds(in.Roles), TTL: ttl,
		AccessTTL: accessTTL,
	})
	if err != nil {
		return nil, err
	}
	p.done(req.GetName(), "%s requests %s", in.User, strings.Join(append(slices.Clone(in.Roles), p.stage.world.hostnames(in.Resources)...), ", "))
	return changed{req.GetName()}, nil
}

// done notes what somebody did on the page, and tells every page.
func (p *page) done(id, format string, args ...any) {
	p.stage.journal.note(fromPeople, id, format, args...)
	p.stage.counts.kick()
	p.requests.tell()
}

// accessTTL is how long access lasts that is granted in the demo.
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
	return 0, trace.BadParameter("decide approve or deny, not %q", d.Decision)
}

func (p *page) review(r *http.Request, in decision) (any, error) {
	state, err := in.state()
	if err != nil {
		return nil, err
	}
	if in.Author == "" {
		return nil, trace.BadParameter("say who reviews")
	}
	if _, err = p.stage.teleport.Review(r.PathValue("id"), in.Author, state, in.Reason); err != nil {
		return nil, err
	}
	p.done(r.PathValue("id"), "%s reviews it: %s", in.Author, state)
	return changed{r.PathValue("id")}, nil
}

func (p *page) setState(r *http.Request, in decision) (any, error) {
	state, err := in.state()
	if err != nil {
		return nil, err
	}
	if in.Author != "" {
		return nil, trace.BadParameter("an administrator decides without a review")
	}
	if err := p.stage.teleport.SetState(r.PathValue("id"), state, in.Reason); err != nil {
		return nil, err
	}
	p.done(r.PathValue("id"), "an administrator decides: %s", state)
	return changed{r.PathValue("id")}, nil
}

func (p *page) expire(r *http.Request, _ struct{}) (any, error) {
	if err := p.stage.teleport.Expire(r.PathValue("id")); err != nil {
		return nil, err
	}
	p.done(r.PathValue("id"), "it expires")
	return changed{r.PathValue("id")}, nil
}

func (p *page) delete(r *http.Request, _ struct{}) (any, error) {
	if err := p.stage.teleport.Delete(r.PathValue("id")); err != nil {
		return nil, err
	}
	p.done(r.PathValue("id"), "an administrator deletes it")
	return changed{r.PathValue("id")}, nil
}
