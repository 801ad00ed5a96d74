package teleporttest

import (
	"sync"

	"github.com/gravitational/trace"
)

// VerbReview is the verb of Deny for reviewing requests, which Teleport governs
// by role conditions and not by a verb.
const VerbReview = "review"

type right struct{ kind, verb string }

// rights are the rights that were taken away.
type rights struct {
	mu     sync.Mutex
	denied map[right]int // how many Deny calls are in force
}

func newRights() *rights { return &rights{denied: make(map[right]int)} }

// Deny takes a right away from everybody until the returned function gives it
// back. The kind is a resource kind of Teleport ("role", "user",
// "user_login_state", "access_monitoring_rule", "access_list", "access_request",
// "access_plugin_data", "node", "app", "db", "kube_cluster", "user_group"), the
// verb one of "list", "read", "create", "update", "delete", or VerbReview for
// access requests. As in Teleport, every user may read their own user and roles,
// and the right to list and read a kind includes its plugin data.
func (s *Server) Deny(kind, verb string) (restore func()) {
	r := right{kind, verb}
	s.rights.mu.Lock()
	s.rights.denied[r]++
	s.rights.mu.Unlock()
	return sync.OnceFunc(func() {
		s.rights.mu.Lock()
		defer s.rights.mu.Unlock()
		s.rights.denied[r]--
	})
}

// check returns the error that Teleport answers where a right is missing.
func (r *rights) check(kind string, verbs ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, verb := range verbs {
		if r.denied[right{kind, verb}] > 0 {
			return trace.AccessDenied("access denied to perform action %q on %q", verb, kind)
		}
	}
	return nil
}
