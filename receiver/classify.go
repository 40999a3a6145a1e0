package receiver

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// kind4 classifies an ICMPv4 error by type and code (RFC 792, RFC 1122
// §3.2.2.1, RFC 1812 §5.2.7.1).
func kind4(typ, code uint8) probe.Kind {
	switch typ {
	case wire.ICMPv4TimeExceeded:
		switch code {
		case 0:
			return probe.KindTTLExceeded
		case 1:
			return probe.KindReassemblyExceeded
		}
	case wire.ICMPv4Unreachable:
		switch code {
		case 0, 6, 11: // net unreachable, unknown, unreachable for this TOS
			return probe.KindNetUnreach
		case 1, 7, 12: // host likewise
			return probe.KindHostUnreach
		case 2:
			return probe.KindProtoUnreach
		case 3:
			return probe.KindPortUnreach
		case 4:
			return probe.KindFragNeeded
		case 9, 10, 13: // net, host, communication prohibited
			return probe.KindAdmin
		default: // source route failed, source isolated, precedence
			return probe.KindUnreach
		}
	case wire.ICMPv4ParameterProblem:
		return probe.KindParameterProblem
	}
	return probe.KindOther
}

// kind6 classifies an ICMPv6 error by type and code (RFC 4443 §3, RFC 7112
// §5, RFC 8883 §3).
func kind6(typ, code uint8) probe.Kind {
	switch typ {
	case wire.ICMPv6TimeExceeded:
		switch code {
		case 0:
			return probe.KindTTLExceeded
		case 1:
			return probe.KindReassemblyExceeded
		}
	case wire.ICMPv6Unreachable:
		switch code {
		case 0, 6: // no route, reject route
			return probe.KindNetUnreach
		case 1, 5: // prohibited, source address policy
			return probe.KindAdmin
		case 3:
			return probe.KindHostUnreach
		case 4:
			return probe.KindPortUnreach
		default: // beyond scope, error in source routing header
			return probe.KindUnreach
		}
	case wire.ICMPv6PacketTooBig:
		return probe.KindPacketTooBig
	case wire.ICMPv6ParameterProblem:
		return probe.KindParameterProblem
	}
	return probe.KindOther
}

// kindTCP classifies a segment by its flags; ok is false if it answers nothing. RST makes a
// reset, with any other flags (RFC 9293 §3.10.7.3 looks at RST before SYN). A segment that
// acknowledges, and neither opens nor resets, is a pure ACK, even with data or FIN.
func kindTCP(flags uint8) (kind probe.Kind, ok bool) {
	const opens = wire.FlagSYN | wire.FlagACK
	switch {
	case flags&wire.FlagRST != 0:
		return probe.KindRST, true
	case flags&opens == opens:
		return probe.KindSYNACK, true
	case flags&wire.FlagACK != 0:
		return probe.KindPureACK, true
	}
	return probe.KindOther, false
}
