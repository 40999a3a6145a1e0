package codec

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// The seal opens the payload of every probe but UDP over IPv4, which has its
// two tags in the header and bears a text in the seal's place. Offsets are
// octets from the first octet of the payload.
//
//	0             2    3         8
//	| compensation | τ | "mtrac" | MAC over (target, flow, τ)
//
// The compensation makes the transport checksum come out at the value that is
// wanted there.
const (
	sealCompensation = 0
	sealTau          = 2
	sealText         = 3
	sealMAC          = 8
	sealLen          = 16
)

const (
	sealName = "mtrac"
	udp4Name = "masstrace scan" // 14 octets, behind the compensation
)

// sealTemplate writes what is constant in a seal.
func sealTemplate(b []byte) { copy(b[sealText:], sealName) }

// encodeSeal writes τ and the MAC and returns sum with both added.
func encodeSeal(b []byte, k tagKey, tau uint8, sum uint64) uint64 {
	b[sealTau] = tau
	binary.BigEndian.PutUint64(b[sealMAC:], k.mac(tau))
	return wire.Sum(b[sealMAC:sealLen], sum+uint64(tau)<<8)
}

// compensate writes the compensation that makes all octets, which without it
// sum to sum, fold to 0xffff.
func compensate(b []byte, sum uint64) {
	binary.BigEndian.PutUint16(b[sealCompensation:], wire.Checksum(sum))
}

// hasSeal reports whether a quoted payload reaches to the end of the seal. A
// router that quotes less but adds extensions pads with zeros (RFC 4884 §4).
func hasSeal(payload []byte) bool {
	return len(payload) >= sealLen && [sealLen - sealMAC]byte(payload[sealMAC:]) != [sealLen - sealMAC]byte{}
}

// sealOf reads the seal at the beginning of a payload; quoted is false if there
// is none.
func (c *Codec) readSeal(o *candidates, k tagKey, payload []byte) (quoted bool) {
	if !hasSeal(payload) {
		return false
	}
	tau := payload[sealTau]
	ok := binary.BigEndian.Uint64(payload[sealMAC:]) == k.mac(tau)
	o.add(tau, ok && c.inRange(tau))
	return true
}

// noSeal names what is wrong where the second tag is the seal's: nothing if
// the quotation ends before it.
func sealFault(quoted bool) probe.Mangled {
	if quoted {
		return probe.MangledPayload
	}
	return 0
}
