// Package teleporttest is a Teleport Auth server for tests and demonstrations:
// one that speaks the real gRPC API over mutual TLS with its own certificate
// authority, so that the real client (github.com/gravitational/teleport/api/client)
// and anything built on it can be pointed at it without knowing.
//
// It holds access requests with their reviews, thresholds and expiry, event
// watchers with their buffers, plugin data with compare-and-swap, access lists, roles, users
// with their login states, access monitoring rules and resources. Everything that goes wrong with a real server can be made to
// go wrong here: see [Server.Inject], [Server.Deny], [Server.DropConnections],
// [Server.CloseWatchers], [Server.Stop], [Options.WatcherBuffer] and
// [Options.PollLag].
//
// # Use
//
//	s, err := teleporttest.New(teleporttest.Options{ClusterName: "example"})
//	if err != nil { … }
//	defer s.Close()
//	if err := s.Start(); err != nil { … }
//	err = s.WriteIdentity("identity", teleporttest.Identity{User: "access-plugin"})
//	clt, err := client.New(ctx, client.Config{
//		Addrs:       []string{s.Addr()},
//		Credentials: []client.Credentials{client.LoadIdentityFile("identity")},
//	})
//	req, err := s.CreateRequest(teleporttest.Request{User: "alice", Roles: []string{"editor"}})
//	_, err = s.Review(req.GetName(), "bob", types.RequestState_APPROVED, "fine")
//
// The package needs no testing package, reads no environment and keeps no
// global state; any number of servers can live in one process. A listener can
// be handed in ([Server.Serve]), also one that lives in memory, for
// testing/synctest.
//
// # Invariants
//
//   - What a caller gets is a copy; what a caller gives is copied.
//   - A watcher that got its init event sees every later change, in order, or
//     is closed with an error.
//   - Stop and Restart lose connections and watchers, never state.
//   - After Close no goroutine of this package is left.
//
// # What it does not do
//
// It has no Proxy and no tunnel, issues no certificates over the API, and
// knows rights only as [Server.Deny] takes them away: roles are stored and
// served, their rules are not evaluated. Of a role's request conditions it uses
// the thresholds, without their filters. For reviews on behalf of others it
// follows Teleport's rules: [Server.SubmitForUsers] of the caller's roles, and
// the roles that the author's own roles may review. Services that it does not know answer
// Unimplemented, as an older server does.
package teleporttest
