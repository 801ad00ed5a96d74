package check

import (
	"context"
	"time"
)

// Setting is an environment variable or a configuration key about the network.
type Setting struct {
	Name  string
	Value string // without the user and password of a proxy
	Wrong string // the problem with it; empty if there is none
	Hint  string // what to do about it
}

// Network reports the proxies and certificate authorities in effect.
func Network(settings []Setting, slackProxy func() (string, error)) Check {
	return Check{Name: "network", Run: func(context.Context) []Finding {
		var found []Finding
		for _, s := range settings {
			if s.Wrong != "" {
				found = append(found, bad(s.Hint, "%s %s", s.Name, s.Wrong))
				continue
			}
			found = append(found, good("%s is %s", s.Name, s.Value))
		}
		proxy, err := slackProxy()
		switch {
		case err != nil:
			found = append(found, bad("write it as http://host:port", "the proxy for Slack: %v", err))
		case proxy != "":
			found = append(found, good("Slack is reached through the proxy %s", proxy))
		default:
			found = append(found, good("Slack is reached directly"))
		}
		return found
	}}
}

// maxSkew is how far clocks may differ. Teleport's certificates begin a minute
// before they are issued.
const maxSkew = 30 * time.Second

// Clock is the clock of another server.
type Clock struct {
	Of    string                                               // "Slack"
	Ahead func(ctx context.Context) (d time.Duration, ok bool) // how far it is ahead of this machine's
}

// Clocks compares this machine's clock with those of the servers that answered
// earlier checks.
func Clocks(after []string, clocks []Clock) Check {
	return Check{Name: "clock", After: after, Run: func(ctx context.Context) []Finding {
		var found []Finding
		for _, c := range clocks {
			d, ok := c.Ahead(ctx)
			switch {
			case !ok:
			case d.Abs() <= maxSkew:
				found = append(found, good("within %s of %s's", roughly(maxSkew), c.Of))
			case d > 0:
				found = append(found, odd(hintClock, "%s behind %s's", roughly(d), c.Of))
			default:
				found = append(found, odd(hintClock, "%s ahead of %s's", roughly(-d), c.Of))
			}
		}
		if len(found) == 0 {
			return []Finding{odd("", "not checked: no server reported its time")}
		}
		return found
	}}
}

const hintClock = "set the clock by NTP; timedatectl shows its state"
