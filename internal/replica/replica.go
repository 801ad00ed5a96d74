// Package replica tells the processes that work on the same cluster apart, and
// leaves to each what it has begun.
//
// Whoever is about to post writes that down first, with its name. When such an
// intent stays as it is for a while, its owner is gone and somebody else may
// look after it. That while is measured by our own clock, from when we first
// saw the intent: no other clock matters.
//
// It writes nothing down itself and knows no records.
package replica

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"strings"
	"sync"
	"time"
)

// Name names this process among its replicas and its own past lives. An empty
// host stands for the machine's.
func Name(host string) string {
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

// SameHost says that a is b or one of its past or future lives.
func SameHost(a, b string) bool {
	i := strings.LastIndexByte(a, '/')
	return i >= 0 && strings.HasPrefix(b, a[:i+1])
}

// Sightings are when things were first seen in another replica's hands. The
// zero value is empty and ready; it is safe for concurrent use.
type Sightings struct {
	mu sync.Mutex
	m  map[string]sighting
}

type sighting struct {
	what string
	at   time.Time
}

// Left returns what is left of the while since the subject was first seen to
// be this: another what starts a new while.
func (s *Sightings) Left(subject, what string, while time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[string]sighting{}
	}
	seen, ok := s.m[subject]
	if !ok || seen.what != what {
		seen = sighting{what: what, at: time.Now()}
		s.m[subject] = seen
	}
	return while - time.Since(seen.at)
}

// Forget drops what was seen of the subject.
func (s *Sightings) Forget(subject string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, subject)
}
