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

// healthTimeout is how long an answer may take; container runtimes give up
// after 30 seconds by default.
const healthTimeout = 5 * time.Second

// healthAnswerBytes is how much of an answer is shown.
const healthAnswerBytes = 1000

func (o Options) health() *cobra.Command {
	var addr string
	var ready bool
	cmd := &cobra.Command{
		Use:   "health",
		Short: "ask a running teleport-slack whether it is well",
		Long: `health asks the teleport-slack that listens at --addr, which is what
listen_addr under [http] says, whether it is alive, or with --ready whether it
does its work. The answer is the exit code, 0 for yes; for containers and
scripts that can't ask by HTTP themselves.`,
		Example: `  teleport-slack health --addr 127.0.0.1:8081
  teleport-slack health --addr 127.0.0.1:8081 --ready`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.runHealth(cmd.Context(), addr, ready)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "", "the `address` that [http] listen_addr names")
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether it is ready, not only alive")
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
		return fmt.Errorf("ask %s: %w", target, err)
	}
	// Never by a proxy, and one connection for one question.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return unwell{fmt.Errorf("nobody answers: %w", err),
			"is teleport-slack running there, and does listen_addr under [http] name that address?"}
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, healthAnswerBytes)) // what came has to do
	answer := oneLine(strings.TrimSpace(string(body)))
	if resp.StatusCode != http.StatusOK {
		return unwell{fmt.Errorf("not well: %s %s", resp.Status, answer), ""}
	}
	if _, err := fmt.Fprintln(o.Stdout, answer); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// unwell is the answer no, with what a person may look at.
type unwell struct {
	error
	hint string
}

// Hint returns what a person may look at.
func (e unwell) Hint() string { return e.hint }

// healthURL is where to ask. An address that listens on every interface is
// asked on this machine's own.
func healthURL(addr string, ready bool) (string, error) {
	if addr == "" {
		return "", usageError{errors.New("--addr is missing"),
			"name the address that listen_addr under [http] has; without that key there is nobody to ask"}
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
