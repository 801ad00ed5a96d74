package config

import (
	"net"
	"strconv"
)

// HTTP is the [http] section: the listener for health and metrics. The published
// plugin does not have it.
type HTTP struct {
	ListenAddr string // host:port; empty for no listener
	Pprof      bool   // serve /debug/pprof too
}

func (r *reader) http(s *section) HTTP {
	const do = `write host:port, such as "127.0.0.1:8081", or ":8081" for every address of this machine`
	var c HTTP
	addr, f := s.text("listen_addr")
	pprof, pprofField := s.flag("pprof")
	c.Pprof = pprof
	host := ""
	if addr != "" {
		var port string
		var err error
		host, port, err = net.SplitHostPort(addr)
		number, portErr := strconv.Atoi(port)
		switch {
		case err != nil:
			r.problem(f, do, "is %s, expected host:port", quote(addr))
		case portErr != nil, number < 0, number > 65535:
			r.problem(f, do, "is %s, expected a port between 0 and 65535", quote(addr))
		default:
			c.ListenAddr = addr
		}
	}
	switch {
	case !pprof || pprofField.wrong || f.wrong:
	case addr == "":
		r.warn(pprofField, "set http.listen_addr", "has no effect without a listener")
	case !isLoopback(host):
		r.warn(pprofField, "listen on 127.0.0.1, or set it to false when you are done",
			"exposes the program's memory to everyone who can reach %s", quote(addr))
	}
	return c
}
