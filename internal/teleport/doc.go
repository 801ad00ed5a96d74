// Package teleport is the adapter to a Teleport cluster: the connection, the
// credentials it uses, the watch over access requests, and the few calls the
// rest of the program needs, in the words of package access.
//
// Three ideas hold it together.
//
// The connection has one owner. [Client.Serve] dials, watches, dials again
// after every loss and replaces the connection when the credentials were
// renewed; the calls use whatever connection is current and never dial. A call
// without a connection fails with a retryable error at once instead of hanging.
//
// Events are hints. The watch hands out request IDs, not requests; after every
// beginning of a watch, and every five minutes, [Handler.Resync] is called, so
// that what happened in a gap is found by looking and not by luck.
//
// Errors are classified here, once. Everything that leaves this package is a
// [fault.Error], and an expired certificate is never called a network error:
// the certificate in hand is looked at before the network is blamed.
//
// Nothing here decides what is shown to whom, and nothing here keeps requests.
package teleport
