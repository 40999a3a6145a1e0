package codec

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// The seal begins the payload of every probe but UDP over IPv4. That has both tags in the header,
// and a text in place of the seal. Offsets are octets from the first octet of the payload.
//
//	0             2    3         8
//	| compensation | τ | "mtrac" | MAC over (target, flow, τ)
//
// The compensation gives the transport checksum the value that the method needs.
const (
	sealCompensation = 0
	sealTau          = 2
	sealText         = 3
	sealMAC          = 8
	sealLen          = 16
)

const (
	sealName = "mtrac"
	udp4Name = "masstrace scan" // 14 octets, after the compensation
)

// sealTemplate writes the constant part of a seal.
func sealTemplate(b []byte) { copy(b[sealText:], sealName) }

// encodeSeal writes τ and the MAC and returns sum with both added.
func encodeSeal(b []byte, k tagKey, tau uint8, sum uint64) uint64 {
	b[sealTau] = tau
	binary.BigEndian.PutUint64(b[sealMAC:], k.mac(tau))
	return wire.Sum(b[sealMAC:sealLen], sum+uint64(tau)<<8)
}

// compensate writes the compensation with which all octets fold to 0xffff. sum is their sum
// without it.
func compensate(b []byte, sum uint64) {
	binary.BigEndian.PutUint16(b[sealCompensation:], wire.Checksum(sum))
}

// hasSeal reports whether a quoted payload reaches the end of the seal. A router that quotes
// less, but adds extensions, pads with zeros (RFC 4884 §4).
func hasSeal(payload []byte) bool {
	return len(payload) >= sealLen && [sealLen - sealMAC]byte(payload[sealMAC:]) != [sealLen - sealMAC]byte{}
}

// readSeal reads the seal at the beginning of a payload. quoted is false if the payload ends
// before.
func (c *Codec) readSeal(o *candidates, k tagKey, payload []byte) (quoted bool) {
	if !hasSeal(payload) {
		return false
	}
	tau := payload[sealTau]
	ok := binary.BigEndian.Uint64(payload[sealMAC:]) == k.mac(tau)
	o.add(tau, ok && c.inRange(tau))
	return true
}

// sealFault returns the name of the fault if the seal gives no valid tag: none if the quotation
// ends before it.
func sealFault(quoted bool) probe.Mangled {
	if quoted {
		return probe.MangledPayload
	}
	return 0
}
