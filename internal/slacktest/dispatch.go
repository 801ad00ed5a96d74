package slacktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// apiError is an answer with "ok": false.
type apiError struct {
	code       string
	messages   []string       // response_metadata.messages
	fields     map[string]any // more at the top of the answer
	retryAfter time.Duration  // with "ratelimited"
}

func (e *apiError) Error() string { return e.code }

func refuse(code string) error { return &apiError{code: code} }

// missingField is Slack's answer to a call without an argument it needs.
func missingField(name string) error {
	return &apiError{code: "invalid_arguments", messages: []string{"[ERROR] missing required field: " + name}}
}

// body is the JSON object of an answer.
type body map[string]any

// method is one method of the API.
type method struct {
	scopes    []string // any one of them is enough; empty: any token
	open      bool     // needs no token
	takesJSON bool
	appLevel  bool                              // needs the app-level token, in the header
	run       func(*Server, args) (body, error) // runs with s.mu held
}

// credentials are what the only token is worth.
type credentials struct {
	token   string
	refusal string // the error that the right token gets; empty while it works
	scopes  []string
}

func (c *credentials) has(scope string) bool { return slices.Contains(c.scopes, scope) }

// SetToken replaces the token that is valid; the one before is invalid_auth
// from now on. A revocation ends.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth.token, s.auth.refusal = token, ""
}

// RevokeToken makes the token token_revoked until SetToken or FailToken("").
func (s *Server) RevokeToken() { s.FailToken("token_revoked") }

// FailToken makes every call with the right token fail with an error such as
// account_inactive, token_expired or org_login_required; empty ends it.
func (s *Server) FailToken(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth.refusal = code
}

// SetScopes replaces what the token may do.
func (s *Server) SetScopes(scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.auth.scopes = slices.Clone(scopes)
}

// needScope answers missing_scope unless the token has one of scopes.
func (s *Server) needScope(scopes ...string) error {
	if len(scopes) == 0 || slices.ContainsFunc(scopes, s.auth.has) {
		return nil
	}
	return &apiError{code: "missing_scope", fields: map[string]any{
		"needed": strings.Join(scopes, ","), "provided": strings.Join(s.auth.scopes, ","),
	}}
}

func (s *Server) authorize(m method, req request) error {
	token := req.token
	switch {
	case m.open:
		return nil
	case m.appLevel:
		return s.authorizeApp(req)
	case token == "":
		return refuse("not_authed")
	case token == s.link.token:
		return refuse("not_allowed_token_type")
	case token != s.auth.token:
		return refuse("invalid_auth")
	case s.auth.refusal != "":
		return refuse(s.auth.refusal)
	}
	return s.needScope(m.scopes...)
}

func (s *Server) serveHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.inFlight.Done()
	if r.URL.Path == linkPath {
		s.serveSocket(w, r)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok || name == "" || strings.Contains(name, "/") {
		writeHTML(w, http.StatusNotFound, "page not found")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		writeHTML(w, http.StatusMethodNotAllowed, "method not allowed")
		return
	}
	m, known := s.methods[name]
	req, err := parseRequest(r, m.takesJSON)
	call := Call{Method: name, Args: req.args}
	f := s.fault(&call)
	if !f.AfterEffect && !s.wait(r.Context(), f.Latency) {
		s.finish(call, "gone") // the client gave up, or Close: nothing happened
		panic(http.ErrAbortHandler)
	}
	if f.ends() && !f.AfterEffect {
		s.finish(call, f.outcome())
		f.answer(w, nil)
		return
	}
	answer := s.answer(&call, m, known, req, err)
	if f.AfterEffect && !s.wait(r.Context(), f.Latency) {
		s.finish(call, answer.outcome+", gone")
		panic(http.ErrAbortHandler)
	}
	if f.ends() {
		s.finish(call, f.outcome())
		f.answer(w, &answer)
		return
	}
	s.finish(call, answer.outcome)
	answer.write(w)
}

// response is an answer on its way.
type response struct {
	status  int
	header  http.Header
	json    []byte
	outcome string // for the log of calls: "ok" or Slack's error
}

func (a *response) write(w http.ResponseWriter) {
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.json)))
	w.WriteHeader(a.status)
	w.Write(a.json)
}

// answer runs the call: this is where it has its effect.
func (s *Server) answer(call *Call, m method, known bool, req request, parseErr error) response {
	result, err := body(nil), parseErr
	s.mu.Lock()
	scopes := strings.Join(s.auth.scopes, ",")
	if err == nil && !known {
		err = refuse("unknown_method")
	}
	if err == nil {
		err = s.rates.takeMethod(s.opt.Clock(), call.Method)
	}
	if err == nil {
		err = s.authorize(m, req)
	}
	authorized := err == nil
	if err == nil {
		if m.appLevel {
			result, err = s.openConnection(req)
		} else {
			result, err = m.run(s, req.args)
		}
	}
	s.mu.Unlock()

	a := response{status: http.StatusOK, header: http.Header{}, outcome: "ok"}
	if result == nil {
		result = body{}
	}
	result["ok"] = err == nil
	if len(req.warnings) > 0 {
		result["warning"] = strings.Join(req.warnings, ",")
		meta(result)["warnings"] = req.warnings
	}
	if err != nil {
		var refusal *apiError
		if !errors.As(err, &refusal) {
			refusal = &apiError{code: "internal_error"} // methods return nothing but *apiError
		}
		a.outcome = refusal.code
		result["error"] = refusal.code
		for k, v := range refusal.fields {
			result[k] = v
		}
		if len(refusal.messages) > 0 {
			meta(result)["messages"] = refusal.messages
		}
		if refusal.retryAfter > 0 {
			a.status = http.StatusTooManyRequests
			a.header.Set("Retry-After", seconds(refusal.retryAfter))
		}
	}
	a.header.Set("Content-Type", "application/json; charset=utf-8")
	if authorized && !m.open || a.outcome == "missing_scope" {
		if m.appLevel {
			scopes = "connections:write"
		}
		a.header.Set("X-OAuth-Scopes", scopes)
		a.header.Set("X-Accepted-OAuth-Scopes", strings.Join(m.scopes, ","))
	}
	var encErr error
	if a.json, encErr = json.Marshal(result); encErr != nil {
		panic(fmt.Sprintf("slacktest: encode answer: %v", encErr)) // bodies hold nothing that has no JSON
	}
	return a
}

// meta returns the answer's response_metadata.
func meta(b body) map[string]any {
	m, ok := b["response_metadata"].(map[string]any)
	if !ok {
		m = map[string]any{}
		b["response_metadata"] = m
	}
	return m
}

// seconds is a duration as Retry-After has it: whole, rounded up, at least 1.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int((d+time.Second-1)/time.Second)))
}

// wait returns false if the client went away or the server was closed first.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-s.stop:
	}
	return false
}

func writeHTML(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Slack</title></head><body><h1>"+text+"</h1></body></html>\n")
}
