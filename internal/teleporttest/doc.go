// Package teleporttest is a Teleport Auth server for tests and demonstrations.
// It speaks the real gRPC API over mutual TLS with its own certificate authority,
// so that the real client (github.com/gravitational/teleport/api/client) and
// everything built on it work with it unchanged.
//
// It has access requests with their reviews, thresholds and expiry, event
// watchers with their buffers, plugin data with compare-and-swap, access lists,
// roles, users with their login states, access monitoring rules and resources.
// Faults of a real server can be injected: see [Server.Inject], [Server.Deny],
// [Server.DropConnections], [Server.CloseWatchers], [Server.Stop],
// [Options.WatcherBuffer] and [Options.PollLag].
//
// It can be any version of Teleport, with the calls, fields and rights of that
// version, and refuses clients that are too old for it: see [Versions] and
// [Options.ServerVersion].
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
// global state; there can be any number of servers in one process. A listener
// can be passed in ([Server.Serve]), also an in-memory one for testing/synctest.
//
// # Invariants
//
//   - Values are copied on the way in and out.
//   - A watcher that got its init event sees every later change, in order, or
//     is closed with an error.
//   - Stop and Restart lose connections and watchers, never state.
//   - After Close no goroutine of this package is left.
//
// # What it does not do
//
// It has no Proxy and no tunnel, and issues no certificates over the API. Roles are
// stored and served, but their rules are not evaluated: a right is missing only if
// [Server.Deny] took it away. Of a role's request conditions it uses the
// thresholds, without their filters. For reviews on behalf of others it follows
// Teleport's rules: [Server.SubmitForUsers] of the caller's roles, and the roles
// that the author's own roles may review. Unknown services return Unimplemented, as
// on an older server.
package teleporttest
