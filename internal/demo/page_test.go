package demo

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// post sends an action as the page does, unless change makes it something else.
func post(t *testing.T, base, path, body string, change func(*http.Request)) (status int, answer map[string]string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", base)
	req.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(req)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatalf("the answer to %s is no JSON: %v", path, err)
	}
	return resp.StatusCode, answer
}

// follow reads the stream of events until one of them makes done true.
func follow(t *testing.T, base string, done func(event string, data string) bool) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: testTimeout}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("Content-Type is %q", got)
	}
	lines := bufio.NewReader(resp.Body)
	var event string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream ended before the expected event: %v", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			event = name
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && done(event, data) {
			return
		}
	}
}

func decode[T any](t *testing.T, data string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return v
}

// The whole way: an action, the plugin, and the message in the stream.
func TestStreamFollowsARequest(t *testing.T) {
	base := startDemo(t)
	var id string
	step := 0
	follow(t, base, func(event, data string) bool {
		switch {
		case step == 0 && event == "snapshot":
			s := decode[snapshotView](t, data)
			if len(s.Requests) != 0 || len(s.History) != len(s.Directory.Conversations) {
				t.Errorf("it begins with %d requests and %d histories of %d conversations", len(s.Requests), len(s.History), len(s.Directory.Conversations))
			}
			_, answer := post(t, base, "/api/requests", `{"user":"alice@example.com","roles":["dba"],"reason":"why","reviewers":["dave"]}`, nil)
			id = answer["id"]
			step++
		case step == 1 && event == "message":
			e := decode[messageEvent](t, data)
			if e.Conversation != "U0DAVE" { // known to Teleport by a name that is no email
				return false
			}
			if e.Message == nil || !strings.Contains(e.Message.Text, "alice@example.com requests role dba") || e.Message.Edited {
				t.Errorf("dave reads %+v", e.Message)
			}
			for _, author := range []string{"bob@example.com", "carol@example.com"} {
				if status, answer := post(t, base, "/api/requests/"+id+"/reviews", `{"author":"`+author+`","decision":"approve"}`, nil); status != http.StatusOK {
					t.Errorf("%s can't review: %v", author, answer)
				}
			}
			step++
		case step == 2 && event == "message":
			e := decode[messageEvent](t, data)
			if e.Conversation != dbaChannel || e.Message == nil || len(e.Message.Replies) < 2 {
				return false
			}
			want := []reactionView{{"white_check_mark", []string{"U0TELEPORT"}}}
			if diff := cmp.Diff(want, e.Message.Reactions); diff != "" || !e.Message.Edited {
				t.Errorf("edited: %v, reactions (-want +got):\n%s", e.Message.Edited, diff)
			}
			return true
		}
		return false
	})
}

// Changes of a request reach the stream also when Teleport itself makes them.
func TestStreamReportsExpiry(t *testing.T) {
	base := startDemo(t)
	seen := false
	follow(t, base, func(event, data string) bool {
		switch event {
		case "snapshot":
			post(t, base, "/api/requests", `{"user":"bob@example.com","roles":["editor"],"ttl_seconds":1}`, nil)
		case "requests":
			requests := decode[requestsView](t, data).Requests
			seen = seen || len(requests) == 1
			return seen && len(requests) == 0
		}
		return false
	})
}

func TestActions(t *testing.T) {
	base := startDemo(t)
	create := func(body string) string {
		t.Helper()
		status, answer := post(t, base, "/api/requests", body, nil)
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, answer)
		}
		return answer["id"]
	}
	id := create(`{"user":"dave","roles":["editor"],"resources":["` + nodes()[0].name + `"]}`)
	gone := create(`{"user":"dave","roles":["editor"]}`)
	over := create(`{"user":"dave","roles":["editor"]}`)
	for _, row := range []struct {
		name, path, body string
		status           int
		err              string
	}{
		{"nobody asks", "/api/requests", `{"roles":["editor"]}`, 400, "choose who requests access"},
		{"nothing is asked for", "/api/requests", `{"user":"dave"}`, 400, "choose at least one role or resource"},
		{"for longer than a day", "/api/requests", `{"user":"dave","roles":["dba"],"ttl_seconds":999999}`, 400, "can wait for up to 24h"},
		{"no JSON", "/api/requests", `user=dave`, 400, "can't be parsed"},
		{"unknown field", "/api/requests", `{"usr":"dave"}`, 400, "unknown field"},
		{"more than one", "/api/requests", `{} {}`, 400, "data after its end"},
		{"too long", "/api/requests", `{"reason":"` + strings.Repeat("x", maxBodyBytes) + `"}`, 413, "longer than 262144 bytes"},
		{"one's own", "/api/requests/" + id + "/reviews", `{"author":"dave","decision":"approve"}`, 403, "cannot review a request of their own"},
		{"nobody reviews", "/api/requests/" + id + "/reviews", `{"decision":"approve"}`, 400, "choose who reviews"},
		{"no decision", "/api/requests/" + id + "/reviews", `{"author":"bob@example.com","decision":"maybe"}`, 400, `not "maybe"`},
		{"no such request", "/api/requests/nope/reviews", `{"author":"bob@example.com","decision":"deny"}`, 404, "not found"},
		{"an author where none is", "/api/requests/" + id + "/state", `{"author":"bob@example.com","decision":"deny"}`, 400, "has no author"},
		{"administrator", "/api/requests/" + id + "/state", `{"decision":"deny","reason":"no"}`, 200, ""},
		{"review after that", "/api/requests/" + id + "/reviews", `{"author":"bob@example.com","decision":"deny"}`, 403, "already denied"},
		{"delete", "/api/requests/" + gone + "/delete", `{}`, 200, ""},
		{"delete again", "/api/requests/" + gone + "/delete", `{}`, 404, "not found"},
		{"expire", "/api/requests/" + over + "/expire", `{}`, 200, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			status, answer := post(t, base, row.path, row.body, nil)
			if status != row.status || !strings.Contains(answer["error"], row.err) || (row.err == "") != (answer["error"] == "") {
				t.Errorf("%d %v, want %d %q", status, answer, row.status, row.err)
			}
		})
	}
	follow(t, base, func(event, data string) bool {
		requests := decode[snapshotView](t, data).Requests
		if len(requests) != 1 {
			t.Fatalf("%d requests are left, want 1", len(requests))
		}
		got := requests[0]
		if got.ID != id || got.State != "DENIED" || got.ResolveReason != "no" {
			t.Errorf("what is left is %+v", got)
		}
		if diff := cmp.Diff([]string{"web-01"}, got.Resources); diff != "" {
			t.Errorf("resources (-want +got):\n%s", diff)
		}
		return true
	})
}

// No other page in the same browser can do anything here.
func TestGuard(t *testing.T) {
	base := startDemo(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(base, "http://"), ":")
	host := func(name string) func(*http.Request) {
		return func(r *http.Request) { r.Host = name; r.Header.Set("Origin", "http://"+name) }
	}
	header := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	const body = `{"user":"dave","roles":["editor"]}`
	for _, row := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"the page", nil, 200},
		{"by another name of this machine", host("localhost:" + port), 200},
		{"by IPv6", host("[::1]:" + port), 200},
		{"charset is fine", header("Content-Type", "application/json; charset=utf-8"), 200},
		{"a name that was pointed at us", host("evil.example:" + port), 403},
		{"another port", host("localhost:1"), 403},
		{"no port", host("localhost"), 403},
		{"another site", header("Origin", "https://evil.example"), 403},
		{"another port's page", header("Origin", "http://127.0.0.1:1"), 403},
		{"a sandboxed frame", header("Origin", "null"), 403},
		{"no origin", func(r *http.Request) { r.Header.Del("Origin") }, 403},
		{"a form", header("Content-Type", "text/plain"), 415},
		{"another method", func(r *http.Request) { r.Method = http.MethodPut }, 405},
	} {
		t.Run(row.name, func(t *testing.T) {
			if status, answer := post(t, base, "/api/requests", body, row.change); status != row.status {
				t.Errorf("%d %v, want %d", status, answer, row.status)
			}
		})
	}
}

// Who listens for everybody is known by any literal address, and by no other
// site's name.
func TestGuardBeyondLoopback(t *testing.T) {
	everywhere := &net.TCPAddr{IP: net.IPv4zero, Port: 8900}
	g := newGuard("0.0.0.0:8900", everywhere, nil)
	for host, want := range map[string]bool{
		"localhost:8900": true, "192.0.2.7:8900": true, "192.0.2.7:80": true, "[2001:db8::1]:8900": true, "localhost:9000": true,
		"evil.example:8900": false, "192.0.2.7.evil.example:8900": false, "": false,
	} {
		if got := g.knows(host); got != want {
			t.Errorf("knows %q: %v, want %v", host, got, want)
		}
	}
	if got := browserAddr(everywhere); got != "localhost:8900" {
		t.Errorf("the address that is printed is %s", got)
	}
}

func TestFiles(t *testing.T) {
	base := startDemo(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(path, host string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
	for path, kind := range map[string]string{
		"/": "text/html", "/main.js": "text/javascript", "/blockkit.js": "text/javascript", "/style.css": "text/css",
	} {
		resp, text := get(path, "")
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if got := resp.Header.Get("Content-Security-Policy"); got != policy {
			t.Errorf("%s: policy %q", path, got)
		}
		for _, elsewhere := range []string{`src="http`, `href="http`, `url(`, `@import`, `from "http`} {
			if strings.Contains(text, elsewhere) {
				t.Errorf("%s loads something from elsewhere: %s", path, elsewhere)
			}
		}
	}
	if resp, _ := get("/api/events", "evil.example"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another name reads the stream: %d", resp.StatusCode)
	}
	if resp, _ := get("/nope", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("no such file: %d", resp.StatusCode)
	}
}
