// Command teleport is Teleport's own server without the pages of its Web UI.
//
// The pages are files that are not part of the Go module, and a server whose
// proxy_service finds none refuses to start. Nothing else differs from
// Teleport's own command: the proxy's API, its TLS routing and its tunnels are
// those of the release.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gravitational/teleport/lib/service"
	"github.com/gravitational/teleport/tool/teleport/common"
)

func main() {
	// InitOnly reads flags and the file, and leaves the start to us. All other
	// commands than start have done their work when it returns.
	_, command, conf := common.Run(common.Options{Args: os.Args[1:], InitOnly: true})
	if command != "start" {
		return
	}
	conf.Proxy.DisableWebInterface = true
	if err := service.Run(context.Background(), *conf, nil); err != nil {
		fmt.Fprintln(os.Stderr, "teleport:", err)
		os.Exit(1)
	}
}
