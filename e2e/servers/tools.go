//go:build tools

// Package servers names the programs of Teleport that the end-to-end test
// runs, so that this module's go.mod says why it needs what it needs. It is
// never compiled: the Makefile builds the programs themselves.
package servers

import (
	_ "github.com/gravitational/teleport/tool/tbot"
	_ "github.com/gravitational/teleport/tool/tctl"
	_ "github.com/gravitational/teleport/tool/teleport"
)
