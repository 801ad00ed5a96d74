package check

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// Standing is what can be found out about a recipient without posting.
type Standing struct {
	ID       string
	Person   bool
	Channel  string // channel name, without #
	Private  bool
	Archived bool
	Member   bool     // the app is in it
	Lacks    []string // missing scopes; the other fields are unknown then
	Anywhere bool     // the app may post to public channels that it isn't in
	Bot      string   // the bot's name for /invite @

	Made  bool    // made from fields of each request, so not known in advance
	Group bool    // a user group alone, which can't be posted to
	Mute  []error // why user groups can't be mentioned there
}

// Inspector looks up a recipient as it is written in the configuration.
type Inspector func(ctx context.Context, name string) (Standing, error)

// Recipients checks each recipient in the configuration once. Teleport usernames
// are looked up in Teleport.
func Recipients(byRole map[string][]string, inspect Inspector) Check {
	return Check{Name: "recipients", Needs: []string{"slack token"}, After: []string{"teleport"}, Run: func(ctx context.Context) []Finding {
		roles := map[string][]string{} // recipient → roles
		for _, role := range slices.Sorted(maps.Keys(byRole)) {
			for _, name := range byRole[role] {
				name = strings.TrimSpace(name)
				if !slices.Contains(roles[name], role) {
					roles[name] = append(roles[name], role)
				}
			}
		}
		names := slices.Sorted(maps.Keys(roles))
		if len(names) == 0 {
			return []Finding{good("none in the configuration")}
		}
		found := make([]Finding, len(names))
		var g errgroup.Group
		g.SetLimit(triesAtOnce)
		for i, name := range names {
			g.Go(func() error {
				s, err := inspect(ctx, name)
				found[i] = recipient(name, s, err)
				found[i].Detail += " " + forRoles(roles[name])
				return nil
			})
		}
		_ = g.Wait() // findings, not errors
		return found
	}}
}

// maxRolesTold keeps a line readable.
const maxRolesTold = 5

func forRoles(roles []string) string {
	more := ""
	if len(roles) > maxRolesTold {
		more = " and " + strconv.Itoa(len(roles)-maxRolesTold) + " more"
		roles = roles[:maxRolesTold]
	}
	return "(for " + list(roles) + more + ")"
}

// recipient returns the finding for a standing.
func recipient(name string, s Standing, err error) Finding {
	f := place(name, s, err)
	if f.Status == Failure {
		return f
	}
	for _, mute := range s.Mute {
		f.Status = Warning
		f.Detail += "; can't mention: " + mute.Error()
		if f.Hint == "" {
			f.Hint = fault.Hint(mute)
		}
	}
	return f
}

func place(name string, s Standing, err error) Finding {
	channel := name
	if s.Channel != "" {
		channel = "#" + s.Channel
	}
	switch {
	case fault.Is(err, fault.Retry) || fault.Is(err, fault.Unknown):
		return odd(fault.Hint(err), "%s: could not be looked up: %v", name, err)
	case err != nil:
		return bad(fault.Hint(err), "%s: %v", name, err)
	case s.Made:
		return good("%s: made from each request (teleport-slack route shows them for one)", name)
	case s.Group:
		return bad("name the channel before it: \"#channel "+name+"\"", "%s: a user group alone can't be posted to", name)
	case len(s.Lacks) > 0 && s.Person:
		return odd(hintScope, "%s: not checked, since the token lacks %s", name, list(s.Lacks))
	case len(s.Lacks) > 0:
		return odd(hintScope+"; until then, make sure of it: /invite @"+s.Bot+" in "+name,
			"%s: not checked, since the token lacks %s", name, list(s.Lacks))
	case s.Person:
		return good("%s: %s, by direct message", name, s.ID)
	case s.Channel == "":
		return good("%s: a direct message", name)
	case s.Archived:
		return bad("unarchive it, or take it out of role_to_recipients", "%s: %s is archived", name, channel)
	case s.Member && s.Private:
		return good("%s: %s, private, and the app is in it", name, s.ID)
	case s.Member:
		return good("%s: %s, and the app is in it", name, s.ID)
	case s.Anywhere && !s.Private:
		return good("%s: %s, where the app may post without being in it", name, s.ID)
	}
	return bad("invite the app: /invite @"+s.Bot+" in "+channel, "%s: the app is not in %s", name, channel)
}
