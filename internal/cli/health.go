package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout is how long a response may take. Container runtimes time out
// after 30 seconds by default.
const healthTimeout = 5 * time.Second

// healthAnswerBytes is how much of a response is printed.
const healthAnswerBytes = 1000

func (o Options) health() *cobra.Command {
	var addr string
	var ready bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "query the health of a running teleport-slack",
		Long: `health queries /livez, or with --ready /readyz, of the teleport-slack that
listens at --addr, the value of listen_addr under [http]. The exit code is 0 if
it is healthy. It is for containers and scripts without an HTTP client.`,
		Example: `  teleport-slack health --addr 127.0.0.1:8081
  teleport-slack health --addr 127.0.0.1:8081 --ready`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.runHealth(cmd.Context(), addr, ready)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "", "the `address` that [http] listen_addr names")
	cmd.Flags().BoolVar(&ready, "ready", false, "query /readyz instead of /livez")
	return cmd
}

func (o Options) runHealth(ctx context.Context, addr string, ready bool) error {
	target, err := healthURL(addr, ready)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return fmt.Errorf("query %s: %w", target, err)
	}
	// No proxy, and no connection that is kept.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return unhealthy{fmt.Errorf("no response: %w", err),
			"is teleport-slack running there, and does listen_addr under [http] name that address?"}
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, healthAnswerBytes)) // a part is enough
	answer := oneLine(strings.TrimSpace(string(body)))
	if resp.StatusCode != http.StatusOK {
		return unhealthy{fmt.Errorf("unhealthy: %s %s", resp.Status, answer), ""}
	}
	if _, err := fmt.Fprintln(o.Stdout, answer); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// unhealthy is a negative result, with a hint where there is one.
type unhealthy struct {
	error
	hint string
}

// Hint returns what to look at.
func (e unhealthy) Hint() string { return e.hint }

// healthURL returns the URL to query. For an address on every interface it is
// the loopback address.
func healthURL(addr string, ready bool) (string, error) {
	if addr == "" {
		return "", usageError{errors.New("--addr is missing"),
			"give the value of listen_addr under [http]; without that key there is no health to query"}
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "" {
		return "", usageError{fmt.Errorf("--addr is %q", addr), "write it as host:port, such as 127.0.0.1:8081"}
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	u := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port), Path: "/livez"}
	if ready {
		u.Path = "/readyz"
	}
	return u.String(), nil
}
