// Package listen opens the ports of servers, which only this machine reaches unless a host is named.
package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// TCP listens at an address (see Address). The context is for opening alone. If another program has the
// port, the error contains what to do.
func TCP(ctx context.Context, address string) (net.Listener, error) {
	address, err := Address(address)
	if err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: another program has this port, choose another one", err)
	}
	return l, err
}

// Address completes the address of a server: without a host it is the loopback address of IPv4, so
// that other machines do not reach it. A port alone is taken too.
func Address(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil && portAlone(text) {
		host, port, err = "", text, nil
	}
	if err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT", text)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return "", fmt.Errorf("%q has no port", text)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

func portAlone(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}
