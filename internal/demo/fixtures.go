package demo

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// Names that all fixtures share, and the channels of the demo's own.
const (
	clusterName = "teleport.example.com"
	webAddr     = "teleport.example.com:443"

	pluginUser = "access-plugin"
	pageUser   = "demo-page" // the page's own connection to Teleport

	requestsChannel = "C0REQUESTS"
	dbaChannel      = "G0DBA"
	archivedChannel = "C0RANDOM"
)

// person is a user in Teleport and in Slack.
type person struct {
	teleport string // username
	email    string // in Teleport a trait, unless the username is the email
	slack    string // Slack user ID; empty if not in Slack
	name     string // display name in Slack
}

// fixtures are what the doubles are filled with, and the plugin's configuration.
// It has no credentials: the environment adds those of the doubles.
type fixtures struct {
	people   []person
	roles    []role
	nodes    []node
	channels []slacktest.Channel
	groups   []slacktest.Group
	trait    string // the Teleport trait with people's Slack IDs
	config   config.Config
}

// ownFixtures returns the demo's own. The username dave is no email address, so
// the plugin has to look up the trait; erin is not in Slack.
func ownFixtures() (fixtures, error) {
	c, _, err := config.ParseOffline("demo", []byte(configuration))
	if err != nil {
		return fixtures{}, fmt.Errorf("read the demo's configuration: %w", err)
	}
	return fixtures{
		people: []person{
			{teleport: "alice@example.com", email: "alice@example.com", slack: "U0ALICE", name: "Alice Adams"},
			{teleport: "bob@example.com", email: "bob@example.com", slack: "U0BOB", name: "Bob Brown"},
			{teleport: "carol@example.com", email: "carol@example.com", slack: "U0CAROL", name: "Carol Clark"},
			{teleport: "dave", email: "dave@example.com", slack: "U0DAVE", name: "Dave Davis"},
			{teleport: "erin@example.com", email: "erin@example.com", name: "Erin Evans"},
		},
		roles: []role{
			{name: "auditor", logins: []string{"audit"}, approve: 1},
			{name: "dba", logins: []string{"postgres", "root"}, approve: 2},
			{name: "editor", logins: []string{"ubuntu"}, approve: 1},
		},
		nodes: nodes(),
		channels: []slacktest.Channel{
			{ID: requestsChannel, Name: "access-requests", BotIsMember: true},
			{ID: dbaChannel, Name: "dba-approvals", Private: true, BotIsMember: true},
			{ID: archivedChannel, Name: "random", Archived: true},
		},
		trait:  "slack_uid",
		config: c,
	}, nil
}

// role is a role that can be requested.
type role struct {
	name    string
	logins  []string
	approve uint32 // how many approvals it takes
}

// thresholds returns how many reviews a request for these roles takes: the
// highest number of any of them. In a real cluster the requester's role sets it.
func (f fixtures) thresholds(names []string) []types.AccessReviewThreshold {
	t := types.AccessReviewThreshold{Approve: 1, Deny: 1}
	for _, r := range f.roles {
		if slices.Contains(names, r.name) && r.approve > t.Approve {
			t.Approve, t.Name = r.approve, fmt.Sprintf("%d approvals for %s", r.approve, r.name)
		}
	}
	return []types.AccessReviewThreshold{t}
}

// node is a server that can be requested.
type node struct {
	name     string // Teleport's ID of it
	hostname string // for display
	env      string
}

func nodes() []node {
	return []node{
		{name: "5f1f6a52-3b0c-4f0e-9a54-0f6c1f0d1a01", hostname: "web-01", env: "production"},
		{name: "5f1f6a52-3b0c-4f0e-9a54-0f6c1f0d1a02", hostname: "db-01", env: "production"},
		{name: "5f1f6a52-3b0c-4f0e-9a54-0f6c1f0d1a03", hostname: "build-07", env: "staging"},
	}
}

// configuration is the plugin's configuration file, read by the real loader.
const configuration = `
[review]
enabled = true
slack_user_id_trait = "slack_uid"

[role_to_recipients]
"dba" = "dba-approvals"
"*" = "access-requests"
`

// traits returns a user's traits; nil if there is no such user.
func (f fixtures) traits(username string) map[string][]string {
	for _, p := range f.people {
		if p.teleport != username {
			continue
		}
		traits := map[string][]string{"email": {p.email}}
		if p.slack != "" {
			traits[f.trait] = []string{p.slack}
		}
		return traits
	}
	return nil
}

// newTeleport returns the Teleport double, filled but not started.
func newTeleport(f fixtures, observe func(teleporttest.Call)) (*teleporttest.Server, error) {
	s, err := teleporttest.New(teleporttest.Options{
		ClusterName: clusterName, ProxyPublicAddr: webAddr,
		AdvancedAccessWorkflows: true, // without it the Web UI has no page for a request to link to
		IgnoreRBAC:              true,
		Observe:                 observe,
		ServerVersion:           "18.11.0", // the first that takes reviews from Slack
	})
	if err != nil {
		return nil, err
	}
	if err := f.addTo(s); err != nil {
		s.Close()
		return nil, fmt.Errorf("fill the demo's Teleport: %w", err)
	}
	return s, nil
}

func (f fixtures) addTo(s *teleporttest.Server) error {
	for _, r := range f.roles {
		t, err := types.NewRole(r.name, types.RoleSpecV6{Allow: types.RoleConditions{
			Logins:     r.logins,
			NodeLabels: types.Labels{types.Wildcard: []string{types.Wildcard}},
		}})
		if err != nil {
			return err
		}
		if err := s.AddRole(t); err != nil {
			return err
		}
	}
	reviewer, err := types.NewRole("reviewer", types.RoleSpecV6{Allow: types.RoleConditions{
		ReviewRequests: &types.AccessReviewConditions{Roles: []string{types.Wildcard}},
	}})
	if err != nil {
		return err
	}
	if err := s.AddRole(reviewer); err != nil {
		return err
	}
	s.SubmitForUsers(pluginUser, []string{types.Wildcard}, nil) // the plugin's role has its user's name
	for _, p := range f.people {
		u, err := types.NewUser(p.teleport)
		if err != nil {
			return err
		}
		u.SetRoles([]string{reviewer.GetName()})
		u.SetTraits(f.traits(p.teleport))
		if err := s.AddUser(u); err != nil {
			return err
		}
	}
	for _, n := range f.nodes {
		if err := s.AddNode(n.name, n.hostname, map[string]string{"env": n.env}); err != nil {
			return err
		}
	}
	return nil
}

// newSlack returns the Slack double, filled but not started.
func newSlack(f fixtures, token, appToken string, observe func(slacktest.Call)) *slacktest.Server {
	s := slacktest.New(slacktest.Options{
		Token: token, AppToken: appToken, TeamName: "Example", TeamDomain: "example", BotName: "Teleport",
		// All optional scopes: reactions, and finding a message whose answer was
		// lost.
		Scopes: append(slacktest.DefaultScopes(), "reactions:write", "im:write",
			"channels:read", "groups:read", "channels:history", "groups:history", "im:history", "usergroups:read"),
		Observe: observe,
	})
	for _, p := range f.people {
		if p.slack != "" {
			s.AddUser(slacktest.User{ID: p.slack, RealName: p.name, Email: p.email})
		}
	}
	for _, c := range f.channels {
		s.AddChannel(c)
	}
	for _, g := range f.groups {
		s.AddGroup(g)
	}
	return s
}

var (
	notInRoles    = regexp.MustCompile(`[^\w.-]+`) // the syntax of patterns and expressions
	idShape       = regexp.MustCompile(`^[CGUW][A-Z0-9]{8,}$`)
	emailAnywhere = regexp.MustCompile(`[^@#:\s]@([\w-]+(?:\.[\w-]+)+)`)
	emailShape    = regexp.MustCompile(`^[^@#\s]+@[^@\s]+$`)
)

// unlistedRole is a role that no configuration names, to see where "*" leads.
const unlistedRole = "another-role"

// fixturesFor generates fixtures from a configuration: every channel and person
// that its routes name, every role, and three requesters. It knows nothing but
// the configuration, so it can't show that a channel is missing in the real Slack.
func fixturesFor(c config.Config) fixtures {
	b := builder{ids: map[string]bool{"U0TELEPORT": true}, fixtures: fixtures{
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
	return b.fixtures
}

// exampleOf returns a role that a key of the routes matches; "" if the key
// matches every role, or if no example was found.
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

// builder collects generated fixtures.
type builder struct {
	fixtures
	ids    map[string]bool // Slack IDs in use
	domain string          // email domain of generated people
}

func (b *builder) role(name string) {
	if name == "" || slices.ContainsFunc(b.roles, func(r role) bool { return r.name == name }) {
		return
	}
	b.roles = append(b.roles, role{name: name, logins: []string{"root"}, approve: 1})
}

// wants adds the recipients that the routes yield for each requester and role,
// including those made from fields of the request.
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

// want adds one recipient and the user groups that it mentions.
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

// username adds a person whose username is no email address.
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

// person adds a person whose username is the email address. Case is ignored.
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

// id returns an unused ID in Slack's format that resembles the name.
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
