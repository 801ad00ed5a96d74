package slack

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

const (
	maxAnswerBytes = 16 << 20 // a page of conversations.list is about 1 MiB
	// defaultRetryAfter is for a 429 that does not say.
	defaultRetryAfter = 5 * time.Second
	// maxRetryAfter keeps a broken header from stopping a method for good.
	maxRetryAfter = 24 * time.Hour
)

// request is one call of a method.
type request struct {
	op       string // for errors: "post message to #dev"
	method   string // chat.postMessage
	key      string // the slot of a call that has to wait is kept for this key
	priority int    // smaller goes first
	channel  string // for hints; may be empty
	// paceChannel is the channel whose own rate counts beside the method's;
	// empty for none.
	paceChannel string
	write       bool // it changes something, so an answer that never came matters
	form        url.Values
}

// envelope is what every answer has in common.
type envelope struct {
	OK       *bool  `json:"ok"`
	Error    string `json:"error"`
	Needed   string `json:"needed"`
	Provided string `json:"provided"`
	Metadata struct {
		Messages []string `json:"messages"`
	} `json:"response_metadata"`
}

// paced makes the call when its rate allows it.
func (c *Client) paced(ctx context.Context, r request, out any) error {
	reservation, err := c.limiter.Wait(ctx, r.limited())
	if err != nil {
		return err
	}
	begin := time.Now()
	err = c.call(ctx, r, out)
	reservation.Done(limitResult(err))
	c.noteAuth(r.method, err)
	c.observe(Call{Method: r.method, Took: time.Since(begin), Err: err})
	return err
}

// call makes one HTTP exchange and classifies what comes of it.
func (c *Client) call(ctx context.Context, r request, out any) error {
	token := c.token()
	if token == "" {
		return c.slackError(r, envelope{Error: "not_authed"}, http.Header{})
	}
	var sent trace
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, sent.hooks()),
		http.MethodPost, c.apiURL+r.method, strings.NewReader(r.form.Encode()))
	if err != nil {
		return &fault.Error{Op: r.op, Reason: "invalid_url", Class: fault.Fatal, Hint: "check slack.api_url", Err: Scrub(err, token)}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := c.http.Do(req)
	if err != nil {
		return r.unanswered(&sent, err, token)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil && resp.StatusCode != http.StatusTooManyRequests {
		sent.reached.Store(true)
		return r.unanswered(&sent, err, token)
	}
	c.learnScopes(resp.Header)
	c.clock.learn(resp.Header, time.Now())
	return c.answer(r, resp.StatusCode, resp.Header, body, out)
}

// answer classifies a complete answer and decodes a good one into out.
func (c *Client) answer(r request, status int, header http.Header, body []byte, out any) error {
	if status == http.StatusTooManyRequests {
		return rateLimited(r, header)
	}
	var e envelope
	isSlack := len(body) <= maxAnswerBytes && json.Unmarshal(body, &e) == nil && e.OK != nil
	switch {
	case isSlack && !*e.OK && (status < 500 || inTable(e.Error)):
		return c.slackError(r, e, header)
	case status >= 500:
		return serverError(r, status)
	case status >= 300:
		return notSlack(r, status)
	case !isSlack:
		return unreadable(r, "the answer is not Slack's", nil)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		// encoding/json's errors quote types and offsets, not contents.
		return unreadable(r, "the answer has an unexpected shape", err)
	}
	return nil
}

// trace notes how far a request got, from its transport's goroutines.
type trace struct {
	reports atomic.Bool // the transport calls the hooks; if not, nothing is known
	reached atomic.Bool // the request was given to a connection
}

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		// The transport looks for another connection only if the server can't
		// have seen the request on the one before.
		GetConn: func(string) { t.reports.Store(true); t.reached.Store(false) },
		// Whether the headers were written is not asked: that may still
		// happen after a canceled call has returned.
		GotConn: func(httptrace.GotConnInfo) { t.reached.Store(true) },
	}
}

// unanswered classifies an exchange that ended without an answer.
func (r request) unanswered(t *trace, err error, token string) error {
	f := &fault.Error{Op: r.op, Reason: "network", Class: fault.Retry}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // its text repeats the URL
	}
	var n net.Error
	switch {
	case errors.Is(err, context.Canceled):
		f.Reason = "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &n) && n.Timeout():
		f.Reason = "timeout"
	}
	if r.write && (t.reached.Load() || !t.reports.Load() && !neverSent(err)) {
		f.Class = fault.Unknown
	}
	f.Err = Scrub(err, token)
	return f
}

// neverSent reports whether the error, by its kind, came before anything was
// sent.
func neverSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dns) || errors.As(err, &op) && op.Op == "dial"
}

// reasonRateLimited is the reason of a refusal because of the rate, however it
// came.
const reasonRateLimited = "ratelimited"

func rateLimited(r request, header http.Header) error {
	return &fault.Error{
		Op: r.op, Reason: reasonRateLimited, Class: fault.Retry,
		RetryAfter: RetryAfter(header),
	}
}

// RetryAfter reads the header of this name: seconds, or a date as HTTP allows.
func RetryAfter(header http.Header) time.Duration {
	v := strings.TrimSpace(header.Get("Retry-After"))
	d := defaultRetryAfter
	if s, err := strconv.ParseUint(v, 10, 32); err == nil {
		d = time.Duration(s) * time.Second
	} else if t, err := http.ParseTime(v); err == nil {
		d = max(time.Until(t), 0)
	}
	return min(d, maxRetryAfter)
}

func serverError(r request, status int) error {
	f := &fault.Error{Op: r.op, Reason: "http_" + strconv.Itoa(status), Class: fault.Retry}
	if r.write {
		f.Class = fault.Unknown
	}
	return f
}

// notSlack is for a status that Slack's API doesn't give: a proxy, a captive
// portal, a wrong address. Whatever it is, it posted nothing.
func notSlack(r request, status int) error {
	return &fault.Error{
		Op: r.op, Reason: "http_" + strconv.Itoa(status), Class: fault.Retry,
		Hint: "something other than Slack answered: check slack.api_url and the proxy in HTTPS_PROXY",
	}
}

// unreadable is for a success that can't be read: what was asked for has
// probably happened.
func unreadable(r request, what string, err error) error {
	if err == nil {
		err = errors.New(what)
	}
	f := &fault.Error{Op: r.op, Reason: "invalid_answer", Class: fault.Retry, Err: err}
	if r.write {
		f.Class = fault.Unknown
	}
	return f
}

// scrubbed is an error whose text has no secrets. It answers errors.Is for its
// cause but does not hand it out, since the cause's text is the problem.
type scrubbed struct {
	text  string
	cause error
}

func (s *scrubbed) Error() string        { return s.text }
func (s *scrubbed) Is(target error) bool { return errors.Is(s.cause, target) }

// secretShapes are Slack's tokens and an URL's user and password.
var secretShapes = regexp.MustCompile(`x(?:ox[a-z.]*|app)-[0-9A-Za-z.-]+|//[^/\s@]*:[^/\s@]*@`)

// Scrub returns err without these secrets, and without anything that looks
// like a token or a password, in its text.
func Scrub(err error, secrets ...string) error {
	return &scrubbed{text: scrubText(err.Error(), secrets...), cause: err}
}

func scrubText(text string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= 4 { // shorter is no secret, and would garble the text
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return secretShapes.ReplaceAllString(text, "***")
}
