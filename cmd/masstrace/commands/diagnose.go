package commands

import (
	"errors"
	"fmt"
)

// mostPorts is how many ports a diagnosis asks.
const mostPorts = 8

// defaultPorts are those on which most hosts answer.
var defaultPorts = []uint16{80, 443}

// checkPorts checks the ports of a diagnosis.
func checkPorts(diagnose bool, ports []port) error {
	switch {
	case len(ports) > 0 && !diagnose:
		return errors.New("--ports has no meaning without --diagnose")
	case len(ports) > mostPorts:
		return fmt.Errorf("--ports has %d ports: give at most %d", len(ports), mostPorts)
	}
	return nil
}

// portsOf returns the ports of a diagnosis.
func portsOf(ports []port) []uint16 {
	if len(ports) == 0 {
		return defaultPorts
	}
	list := make([]uint16, len(ports))
	for i, p := range ports {
		list[i] = uint16(p)
	}
	return list
}
