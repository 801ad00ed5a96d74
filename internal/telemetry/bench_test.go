package telemetry

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/notify"
)

// What counting costs: a message is a call to Slack of a hundred milliseconds,
// and a few calls to Teleport.
func BenchmarkOneMessageIsCounted(b *testing.B) {
	m := newTestMetrics()
	b.ReportAllocs()
	for b.Loop() {
		m.SlackCalled("chat.postMessage", 100*time.Millisecond, nil)
		for range 3 {
			m.TeleportCalled(5*time.Millisecond, nil)
		}
		m.Stepped(notify.Stepped{Op: notify.Post, Late: time.Second})
		m.Reconciled(notify.Reconciled{Took: time.Second})
	}
}

func BenchmarkOneFailureIsCounted(b *testing.B) {
	m := newTestMetrics()
	err := fault.New(fault.Retry, "post message to #dev", "ratelimited")
	b.ReportAllocs()
	for b.Loop() {
		m.SlackCalled("chat.postMessage", 100*time.Millisecond, err)
		m.Stepped(notify.Stepped{Op: notify.Post, Err: err})
	}
}

func BenchmarkOneScrape(b *testing.B) {
	m := newTestMetrics()
	exercise(m)
	h := m.Handler()
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
