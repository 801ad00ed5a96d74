package outbox

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"strings"
	"time"
)

// name names this process among its replicas and the processes before it on the
// same host. An empty host stands for the machine's.
func name(host string) string {
	if host == "" {
		host = hostName()
	}
	var nonce [4]byte
	_, _ = rand.Read(nonce[:]) // never fails: crypto/rand ends the process instead
	return host + "/" + hex.EncodeToString(nonce[:])
}

func hostName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "unknown"
	}
	return host
}

// SameHost reports whether the other replica runs or ran on this one's host.
func (b *Outbox) SameHost(other string) bool { return sameHost(b.replica, other) }

func sameHost(a, b string) bool {
	i := strings.LastIndexByte(a, '/')
	return i >= 0 && strings.HasPrefix(b, a[:i+1])
}

// LeaseWatch remembers when leases of other replicas were first seen, by our own
// clock: no other clock matters. The zero value is ready; it is used by one
// goroutine at a time.
type LeaseWatch struct{ seen map[string]lease }

type lease struct {
	what string
	at   time.Time
}

// Left returns what is left of a duration since the key was first seen to have
// this lease; another lease starts anew.
func (w *LeaseWatch) Left(key, what string, d time.Duration) time.Duration {
	seen, ok := w.seen[key]
	if !ok || seen.what != what {
		if w.seen == nil {
			w.seen = map[string]lease{}
		}
		seen = lease{what: what, at: time.Now()}
		w.seen[key] = seen
	}
	return d - time.Since(seen.at)
}

// Forget drops the key.
func (w *LeaseWatch) Forget(key string) { delete(w.seen, key) }
