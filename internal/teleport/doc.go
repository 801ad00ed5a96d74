// Package teleport is the adapter to a Teleport cluster: the connection and its
// credentials, the watch on access requests, and the calls that the rest of the
// program needs, with the types of package access.
//
// The connection has one owner. [Client.Serve] dials, watches, dials again
// after every loss and replaces the connection when the credentials were
// renewed. Calls use the current connection and never dial; without one they
// fail at once with a retryable error.
//
// Events are hints. The watch passes request IDs, not requests. When a watch
// begins, and every five minutes, [Handler.Resync] is called, so that changes
// between two watches are found.
//
// Errors are classified here, once. Every error of this package is a
// [fault.Error]. The expiry of the certificate is checked first, so that an
// expired one is never reported as a network error.
//
// This package doesn't decide what is shown to whom, and stores no requests.
package teleport
