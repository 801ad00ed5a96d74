package demo

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

var (
	notInRoles    = regexp.MustCompile(`[^\w.-]+`) // what expressions are made of
	idShape       = regexp.MustCompile(`^[CGUW][A-Z0-9]{8,}$`)
	emailAnywhere = regexp.MustCompile(`[^@#:\s]@([\w-]+(?:\.[\w-]+)+)`)
	emailShape    = regexp.MustCompile(`^[^@#\s]+@[^@\s]+$`)
)

// unlistedRole is a role that no configuration names, to see where "*" leads.
const unlistedRole = "another-role"

// worldOf makes up a world in which a configuration has somebody to tell:
// every channel and person that its routes name, every role, and a few people
// who ask. It is made of the configuration alone, so it can't show that a
// channel is missing in the real Slack.
func worldOf(c config.Config) world {
	b := builder{ids: map[string]bool{"U0TELEPORT": true}, world: world{
		trait: cmp.Or(c.Review.SlackUserIDTrait, "slack_uid"), nodes: nodes(), config: c,
	}}
	for _, key := range sorted(c.Recipients) {
		b.role(exampleOf(key))
		for _, name := range c.Recipients[key] {
			if at := emailAnywhere.FindStringSubmatch(name); at != nil && b.domain == "" {
				b.domain = at[1]
			}
		}
	}
	for _, pattern := range slices.Concat(c.Review.Roles, c.Review.ExceptRoles) {
		b.role(strings.ReplaceAll(pattern, "*", "example"))
	}
	b.role(unlistedRole)
	b.domain = cmp.Or(b.domain, "example.com")
	for _, first := range []string{"alice", "bob", "carol"} {
		b.person(first + "@" + b.domain)
	}
	b.wants(c.Recipients)
	b.wants(route.Table{route.AnyRole: c.Reminders.EscalateTo})
	return b.world
}

// exampleOf returns a role that a key of the routes is for; "" if it is for any,
// or if none comes to mind.
func exampleOf(key string) string {
	if key == route.AnyRole {
		return ""
	}
	k, err := route.ParseKey(key)
	if err != nil {
		return ""
	}
	words := strings.Trim(notInRoles.ReplaceAllString(key, "-"), "-.")
	for _, role := range []string{
		key, strings.NewReplacer("*", "example", "?", "x").Replace(key), words, words + "-example", "example-" + words,
	} {
		if k.Matches(role) && (role != key || !k.IsPattern()) {
			return role
		}
	}
	return ""
}

// builder makes up a world.
type builder struct {
	world
	ids    map[string]bool // Slack's, that are taken
	domain string          // of made-up people
}

func (b *builder) role(name string) {
	if name == "" || slices.ContainsFunc(b.roles, func(r role) bool { return r.name == name }) {
		return
	}
	b.roles = append(b.roles, role{name: name, logins: []string{"root"}, approve: 1})
}

// wants adds whom routes name. They themselves say who hears of what, also where
// recipients are made from the request.
func (b *builder) wants(t route.Table) {
	routes, err := t.Compile()
	if err != nil {
		return // cannot happen: the loader has read them
	}
	for _, asks := range slices.Clone(b.people) {
		for _, r := range b.roles {
			for _, w := range routes.Recipients(route.Input{
				Request: access.Request{User: asks.teleport, Roles: []string{r.name}}, Traits: b.traits(asks.teleport),
			}).Wants {
				b.want(w)
			}
		}
	}
}

// want adds whom a route names.
func (b *builder) want(w route.Want) {
	for _, m := range w.Mentions {
		b.group(m.Group)
	}
	if w.User && !emailShape.MatchString(w.Name) {
		b.username(w.Name)
		return
	}
	b.recipient(strings.TrimSpace(w.Name))
}

func (b *builder) group(name string) {
	handle, ok := strings.CutPrefix(name, "@")
	if !ok || handle == "here" || handle == "channel" || slices.ContainsFunc(b.groups, func(g slacktest.Group) bool { return g.Handle == handle }) {
		return
	}
	b.groups = append(b.groups, slacktest.Group{ID: b.id("S0", handle), Handle: handle, Name: handle})
}

// username adds somebody whose username is no email.
func (b *builder) username(name string) {
	if slices.ContainsFunc(b.people, func(p person) bool { return p.teleport == name }) {
		return
	}
	b.people = append(b.people, person{teleport: name, email: strings.ToLower(name) + "@" + b.domain, slack: b.id("U0", name), name: name})
}

func (b *builder) recipient(name string) {
	switch {
	case strings.Trim(name, "#") == "":
	case emailShape.MatchString(name):
		b.person(name)
	case idShape.MatchString(name) && (name[0] == 'U' || name[0] == 'W'):
		if !b.ids[name] {
			b.ids[name] = true
			email := strings.ToLower(name) + "@" + b.domain
			b.people = append(b.people, person{teleport: email, email: email, slack: name, name: name})
		}
	case idShape.MatchString(name):
		if !b.ids[name] {
			b.ids[name] = true
			b.channels = append(b.channels, slacktest.Channel{ID: name, Name: strings.ToLower(name), BotIsMember: true})
		}
	default:
		name = strings.ToLower(strings.TrimLeft(name, "#"))
		if !slices.ContainsFunc(b.channels, func(c slacktest.Channel) bool { return c.Name == name }) {
			b.channels = append(b.channels, slacktest.Channel{ID: b.id("C0", name), Name: name, BotIsMember: true})
		}
	}
}

// person adds somebody whose username is the email. Case counts in neither.
func (b *builder) person(email string) {
	if slices.ContainsFunc(b.people, func(p person) bool { return strings.EqualFold(p.email, email) }) {
		return
	}
	local, _, _ := strings.Cut(email, "@")
	words := strings.FieldsFunc(local, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range words {
		r := []rune(w)
		r[0] = unicode.ToUpper(r[0])
		words[i] = string(r)
	}
	b.people = append(b.people, person{
		teleport: email, email: email, slack: b.id("U0", local), name: cmp.Or(strings.Join(words, " "), email),
	})
}

// id returns an ID of Slack's form that is not taken and reminds of the name.
func (b *builder) id(prefix, name string) string {
	letters := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToUpper(name))
	letters = (letters + "00000000")[:8]
	for n := 0; ; n++ {
		id := prefix + letters
		if n > 0 {
			id = fmt.Sprintf("%s%s%03d", prefix, letters[:5], n)
		}
		if !b.ids[id] {
			b.ids[id] = true
			return id
		}
	}
}
