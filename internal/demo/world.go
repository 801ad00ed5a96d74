package demo

import (
	"fmt"
	"slices"

	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/slacktest"
	"github.com/teleport-slack/teleport-slack/internal/teleporttest"
)

// What every world has in common, and the names of the demo's own.
const (
	clusterName = "teleport.example.com"
	webAddr     = "teleport.example.com:443"

	pluginUser = "access-plugin"
	pageUser   = "demo-page" // the page's own eyes on Teleport

	requestsChannel = "C0REQUESTS"
	dbaChannel      = "G0DBA"
	archivedChannel = "C0RANDOM"
)

// person is somebody who is in both worlds.
type person struct {
	teleport string // username
	email    string // in Teleport a trait, unless the username is the email
	slack    string // Slack's ID
	name     string // as Slack shows it
}

// world is who and what there is, and the plugin's configuration, which has no
// credentials: the stage gives it those of the doubles.
type world struct {
	people   []person
	roles    []role
	nodes    []node
	channels []slacktest.Channel
	groups   []slacktest.Group
	trait    string // the Teleport trait that has people's Slack IDs
	config   config.Config
}

// ownWorld is the demo's own. dave's username is no email, so the plugin has to
// look him up; erin is not in Slack at all.
func ownWorld() (world, error) {
	c, _, err := config.RehearseText("demo", []byte(configuration))
	if err != nil {
		return world{}, fmt.Errorf("read the demo's configuration: %w", err)
	}
	return world{
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

// thresholds returns how many reviews a request for these roles takes: as many
// as the strictest of them. In a real cluster the requester's role says so.
func (w world) thresholds(names []string) []types.AccessReviewThreshold {
	t := types.AccessReviewThreshold{Approve: 1, Deny: 1}
	for _, r := range w.roles {
		if slices.Contains(names, r.name) && r.approve > t.Approve {
			t.Approve, t.Name = r.approve, fmt.Sprintf("%d approvals for %s", r.approve, r.name)
		}
	}
	return []types.AccessReviewThreshold{t}
}

// node is a server that can be requested.
type node struct {
	name     string // Teleport's own name
	hostname string // what people call it
	env      string
}

func nodes() []node {
	return []node{
		{name: "5f1f6a52-3b0c-4f0e-9a54-0f6c1f0d1a01", hostname: "web-01", env: "production"},
		{name: "5f1f6a52-3b0c-4f0e-9a54-0f6c1f0d1a02", hostname: "db-01", env: "production"},
		{name: "5f1f6a52-3b0c-4f0e-9a54-0f6c1f0d1a03", hostname: "build-07", env: "staging"},
	}
}

// configuration is the plugin's file, read by the same loader as a real one.
const configuration = `
[review]
enabled = true
slack_user_id_trait = "slack_uid"

[role_to_recipients]
"dba" = "dba-approvals"
"*" = "access-requests"
`

// traits returns those of a user.
func (w world) traits(username string) map[string][]string {
	for _, p := range w.people {
		if p.teleport != username {
			continue
		}
		traits := map[string][]string{"email": {p.email}}
		if p.slack != "" {
			traits[w.trait] = []string{p.slack}
		}
		return traits
	}
	return nil
}

// newTeleport returns the cluster, not yet started.
func newTeleport(w world, observe func(teleporttest.Call)) (*teleporttest.Server, error) {
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
	if err := w.furnish(s); err != nil {
		s.Close()
		return nil, fmt.Errorf("furnish the demo's Teleport: %w", err)
	}
	return s, nil
}

func (w world) furnish(s *teleporttest.Server) error {
	for _, r := range w.roles {
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
	for _, p := range w.people {
		u, err := types.NewUser(p.teleport)
		if err != nil {
			return err
		}
		u.SetRoles([]string{reviewer.GetName()})
		u.SetTraits(w.traits(p.teleport))
		if err := s.AddUser(u); err != nil {
			return err
		}
	}
	for _, n := range w.nodes {
		if err := s.AddNode(n.name, n.hostname, map[string]string{"env": n.env}); err != nil {
			return err
		}
	}
	return nil
}

// newSlack returns the workspace, not yet started.
func newSlack(w world, token, appToken string, observe func(slacktest.Call)) *slacktest.Server {
	s := slacktest.New(slacktest.Options{
		Token: token, AppToken: appToken, TeamName: "Example", TeamDomain: "example", BotName: "Teleport",
		// With reactions, and with what it takes to find a message again whose
		// answer was lost.
		Scopes: append(slacktest.DefaultScopes(), "reactions:write", "im:write",
			"channels:read", "groups:read", "channels:history", "groups:history", "im:history", "usergroups:read"),
		Observe: observe,
	})
	for _, p := range w.people {
		if p.slack != "" {
			s.AddUser(slacktest.User{ID: p.slack, RealName: p.name, Email: p.email})
		}
	}
	for _, c := range w.channels {
		s.AddChannel(c)
	}
	for _, g := range w.groups {
		s.AddGroup(g)
	}
	return s
}
