package annotate

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Dumps of PeeringDB as JSON. Those that CAIDA publishes have all types of objects in one file. The
// answers of its API have one type.
//
//	{"ix": {"data": [...]}, "ixlan": {"data": [...]}, "ixpfx": ..., "netixlan": ..., "net": ...}
//	{"data": [{"id": 1, "ixlan_id": 26, "prefix": "80.81.192.0/21", ...}], "meta": {}}
//
// The prefixes are those of peering LANs. The address of a member's router in one is the origin
// of the member.

// pdbObject has the fields of use of all types of objects.
type pdbObject struct {
	ID      int    `json:"id"`
	IXID    int    `json:"ix_id"`
	IXLanID int    `json:"ixlan_id"`
	Name    string `json:"name"`
	Prefix  string `json:"prefix"`
	ASN     uint32 `json:"asn"`
	IPv4    string `json:"ipaddr4"`
	IPv6    string `json:"ipaddr6"`
	Status  string `json:"status"`
}

// peeringDB is a dump.
type peeringDB struct {
	prefixes                        // of the exchanges
	members  map[netip.Addr]*entry  // by the address of their routers
	exchange map[int]string         // names, by ID
	exOfLAN  map[int]int            // IDs of exchanges, by that of their LAN
	lans     map[netip.Prefix]int   // IDs of LANs
	byAddr   map[netip.Addr]pdbPort // until the names are known
}

// pdbPort is the port of a member at an exchange.
type pdbPort struct {
	asn uint32
	lan int
}

// readPeeringDB reads a dump.
func readPeeringDB(in *bufio.Reader) (*content, error) {
	p := &peeringDB{
		members: map[netip.Addr]*entry{}, exchange: map[int]string{}, exOfLAN: map[int]int{},
		lans: map[netip.Prefix]int{}, byAddr: map[netip.Addr]pdbPort{},
	}
	p.names = map[uint32]string{}
	l := newObjectList(in)
	for l.next() {
		if l.object == nil {
			continue
		}
		var o pdbObject
		if err := json.Unmarshal(l.object, &o); err != nil {
			return nil, lineError(l.start, "an object of %.20q: %w", l.kind, err)
		}
		if err := p.take(l.kind, &o); err != nil {
			return nil, lineError(l.start, "%w", err)
		}
	}
	if l.err != nil {
		return nil, lineError(l.line, "%w", cutError(l.err))
	}
	if len(p.lans) == 0 {
		return nil, errors.New("JSON without the prefixes of exchanges (ixpfx of PeeringDB)")
	}
	if err := p.connect(); err != nil {
		return nil, err
	}
	return &content{kind: kindPeeringDB, fields: Origin | IXP, finder: p}, nil
}

// take takes an object of a type; "" is that of an answer for one type.
func (p *peeringDB) take(kind string, o *pdbObject) error {
	if o.Status != "" && o.Status != "ok" {
		return nil
	}
	if len(p.lans)+len(p.byAddr) > mostPrefixes || len(p.names)+len(p.exchange)+len(p.exOfLAN) > mostPrefixes {
		return tooMany()
	}
	switch {
	case o.Prefix != "" && (kind == "ixpfx" || kind == ""):
		prefix, err := netip.ParsePrefix(o.Prefix)
		if err != nil {
			return fmt.Errorf("%.60q is not a prefix", o.Prefix)
		}
		p.lans[plain(prefix)] = o.IXLanID
	case kind == "netixlan" || kind == "" && o.IXLanID != 0 && o.ASN != 0:
		if p.exchange[o.IXID] == "" && o.IXID != 0 { // its name is that of the exchange
			p.exchange[o.IXID] = short(o.Name)
		}
		if o.IXLanID != 0 && o.IXID != 0 {
			p.exOfLAN[o.IXLanID] = o.IXID
		}
		for _, text := range []string{o.IPv4, o.IPv6} {
			if a, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil && o.ASN != 0 {
				p.byAddr[a.Unmap().WithZone("")] = pdbPort{o.ASN, o.IXLanID}
			}
		}
	case kind == "ix":
		p.exchange[o.ID] = short(o.Name)
	case kind == "ixlan":
		p.exOfLAN[o.ID] = o.IXID
	case kind == "net" && o.ASN != 0:
		p.names[o.ASN] = short(o.Name)
	}
	return nil
}

// connect joins prefixes and members with the names of their exchanges.
func (p *peeringDB) connect() error {
	byName := map[string]*entry{}
	for prefix, lan := range p.lans {
		name := p.nameOfLAN(lan)
		if byName[name] == nil {
			byName[name] = &entry{ixp: name}
		}
		if err := p.add(prefix, byName[name]); err != nil {
			return err
		}
	}
	for a, port := range p.byAddr {
		p.members[a] = &entry{asn: []uint32{port.asn}, asName: p.names[port.asn], ixp: p.nameOfLAN(port.lan)}
		p.divide(netip.PrefixFrom(a, a.BitLen()))
	}
	p.lans, p.byAddr, p.exchange, p.exOfLAN = nil, nil, nil, nil
	return nil
}

// nameOfLAN returns the name of the exchange of a LAN. A LAN has the number of its exchange, unless
// the dump has another one.
func (p *peeringDB) nameOfLAN(lan int) string {
	ix, ok := p.exOfLAN[lan]
	if !ok {
		ix = lan
	}
	if name := p.exchange[ix]; name != "" {
		return name
	}
	return fmt.Sprintf("PeeringDB exchange %d", ix)
}

// find implements finder. A member's address counts within the prefix of an exchange alone.
func (p *peeringDB) find(a netip.Addr) (match, error) {
	m, err := p.prefixes.find(a)
	if m.entry != nil {
		if member := p.members[a]; member != nil {
			m.entry = member
		}
	}
	return m, err
}
