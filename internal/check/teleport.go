package check

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Identity is the content of the credentials for Teleport.
type Identity struct {
	Path      string
	KeyPair   bool
	Refreshed bool // the file is read again when it changes
	User      string
	Roles     []string
	NotBefore time.Time
	NotAfter  time.Time
	WarnFrom  time.Time // from when on to warn about its end
	Invalid   error     // why it can't be used now; may be nil
}

// shortLived is the longest lifetime at which an identity is taken to be renewed
// by a program, not by hand.
const shortLived = 25 * time.Hour

// Credentials checks the identity without connecting to Teleport.
func Credentials(read func() (Identity, error)) Check {
	return Check{Name: "identity", Run: func(context.Context) []Finding {
		id, err := read()
		if err != nil {
			return []Finding{failed(err)}
		}
		if id.Invalid != nil {
			return []Finding{failed(id.Invalid)}
		}
		kind := "identity file"
		if id.KeyPair {
			kind = "key pair"
		}
		roles := "without roles"
		if len(id.Roles) > 0 {
			roles = "with the roles " + list(id.Roles)
		}
		found := []Finding{good("%s (%s) is for %s %s, until %s (%s from now)", id.Path, kind, id.User, roles,
			id.NotAfter.UTC().Format(time.RFC3339), roughly(time.Until(id.NotAfter)))}
		switch {
		case !id.Refreshed && id.NotAfter.Sub(id.NotBefore) <= shortLived:
			hint := "set teleport.refresh_identity = true"
			if id.KeyPair {
				hint = "use an identity file, and set teleport.refresh_identity = true"
			}
			found = append(found, odd(hint, "it is valid for %s in total, and is not read again when it is renewed", roughly(id.NotAfter.Sub(id.NotBefore))))
		case !time.Now().Before(id.WarnFrom) && id.Refreshed:
			found = append(found, odd("check that tbot runs and writes this file", "it should have been renewed by now"))
		case !time.Now().Before(id.WarnFrom):
			found = append(found, odd("issue a new one (tctl auth sign), or let tbot renew it", "it expires soon"))
		}
		return found
	}}
}

// roughly prints a duration by its biggest unit.
func roughly(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", int(d/day))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d/time.Hour))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", int(d/time.Minute))
	}
	return fmt.Sprintf("%d seconds", int(d.Round(time.Second)/time.Second))
}

// Reacher connects to the cluster.
type Reacher interface {
	// Connect connects and returns the cluster.
	Connect(ctx context.Context) (access.Cluster, error)
	// By returns the service at the address: "Auth Service", "Proxy Service", or
	// "" if unknown.
	By(ctx context.Context) string
}

// connectShare is the part of the timeout that connecting may take: half, so that
// the checks that need the connection have time left.
const connectShare = 2

// Teleport connects to the cluster.
func Teleport(addr string, t Reacher) Check {
	return Check{Name: "teleport", Needs: []string{"identity"}, Run: func(ctx context.Context) []Finding {
		dial := ctx
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			dial, cancel = context.WithTimeout(ctx, time.Until(deadline)/connectShare)
			defer cancel()
		}
		cluster, err := t.Connect(dial)
		by := t.By(ctx)
		if err != nil {
			f := failed(err)
			if by != "" {
				f.Detail += " (answered by: " + by + ")"
			}
			if f.Hint == "" {
				f.Hint = "check teleport.addr and its port, a Proxy usually 443 or 3080, an Auth Service 3025, and the network in between"
			}
			return []Finding{f}
		}
		if by != "" {
			addr += " (" + by + ")"
		}
		return []Finding{good("%s is the cluster %s, version %s", addr, cluster.Name, cluster.Version)}
	}}
}

// Right is a permission in Teleport that the program uses.
type Right struct {
	Name     string // "access_request list, read"
	For      string
	Required bool
	Try      func(ctx context.Context) error // changes nothing; fault.Denied where it is missing
}

// triesAtOnce bounds how many rights and recipients are tried at a time.
const triesAtOnce = 4

// Rights tries each right that the program uses.
func Rights(rights []Right) Check {
	return Check{Name: "teleport rights", Needs: []string{"teleport"}, Run: func(ctx context.Context) []Finding {
		found := make([]Finding, len(rights))
		var g errgroup.Group
		g.SetLimit(triesAtOnce)
		for i, r := range rights {
			g.Go(func() error {
				found[i] = r.finding(r.Try(ctx))
				return nil
			})
		}
		_ = g.Wait() // findings, not errors
		return found
	}}
}

func (r Right) finding(err error) Finding {
	hint := "give the role of these credentials " + r.verbs() + " (Teleport's own role access-plugin has it), then issue the credentials again"
	switch {
	case err == nil:
		return good("%s: %s", r.Name, r.For)
	case fault.Is(err, fault.Unsupported):
		return good("%s: this version of Teleport doesn't have it (%s)", r.Name, r.For)
	case !fault.Is(err, fault.Denied):
		f := odd(fault.Hint(err), "%s: could not be tried: %v (%s)", r.Name, err, r.For)
		if r.Required {
			f.Status = Failure
		}
		return f
	case r.Required:
		return bad(hint, "%s: missing, required (%s)", r.Name, r.For)
	}
	return odd(hint, "%s: missing (%s)", r.Name, r.For)
}

func (r Right) verbs() string {
	kind, verbs, _ := strings.Cut(r.Name, " ")
	return verbs + " on " + kind
}
