package commands

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// A request that makes no sense ends with status 2, in one line that names the flag.
func TestUsage(t *testing.T) {
	tests := []struct{ args, want string }{ // want is a regular expression
		{"scam", `scam`},
		{"scan", `targets`},
		{"scan --no-such-flag 45.16.0.1", `no-such-flag`},
		{"scan --min-ttl 0 45.16.0.1", `--min-ttl 0 and --max-ttl 32 must be within 1 to 63`},
		{"scan --max-ttl 64 45.16.0.1", `--max-ttl`},
		{"scan --max-ttl 300 45.16.0.1", `--max-ttl`},
		{"scan --min-ttl 9 --max-ttl 8 45.16.0.1", `in order`},
		{"scan --attempts 0 45.16.0.1", `--attempts must be within 1 to 4`},
		{"scan --attempts 5 45.16.0.1", `--attempts must be within 1 to 4`},
		{"scan --flows 0 45.16.0.1", `--flows must be within 1 to 32767`},
		{"scan --flows 32768 45.16.0.1", `--flows`},
		{"scan --rate=-1 45.16.0.1", `--rate.*"-1" is not a number`},
		{"scan --rate NaN 45.16.0.1", `--rate.*is not a number`},
		{"scan --rate ten 45.16.0.1", `--rate.*"ten"`},
		{"scan --rate-max 5k 45.16.0.1", `--rate-max needs --rate auto`},
		{"scan --rate auto --rate-max auto 45.16.0.1", `--rate-max must be a number`},
		{"scan --rate auto --bandwidth 1M 45.16.0.1", `--bandwidth cannot be combined with --rate`},
		{"scan --no-stop 45.16.0.1", `--no-stop needs --strategy exhaustive`},
		{"scan --gap-limit 4 --strategy exhaustive 45.16.0.1", `--gap-limit needs --strategy complete or topology`},
		{"scan --overlap 4 45.16.0.1", `--overlap needs --strategy topology`},
		{"scan --stitch 45.16.0.1", `--stitch needs --strategy topology`},
		{"scan --stitch --strategy exhaustive 45.16.0.1", `--stitch needs --strategy topology`},
		{"scan --receive-buffer 1k 45.16.0.1", `--receive-buffer must be within`},
		{"scan --bandwidth 0 45.16.0.1", `--bandwidth.*must be more than 0`},
		{"scan --bandwidth 10X 45.16.0.1", `--bandwidth`},
		{"scan --burst=-1 45.16.0.1", `--burst`},
		{"scan --wait 0s 45.16.0.1", `--wait must be more than 0`},
		{"scan --wait 2x 45.16.0.1", `--wait: "2x" is not a time`},
		{"scan --max-runtime 1e30 45.16.0.1", `"1e30" is too long`},
		{"scan --max-runtime=-1s 45.16.0.1", `--max-runtime must not be negative`},
		{"scan --memory 1k 45.16.0.1", `--memory: 1024 bytes are too few: the 48 windows need at least`},
		{"scan --memory lots 45.16.0.1", `--memory`},
		{"scan --per-prefix 0 45.16.0.1", `--per-prefix must be at least 1`},
		{"scan --granularity4 33 45.16.0.1", `--granularity4 must be within 1 to 32`},
		{"scan --granularity6 129 2a00:16::1", `--granularity6 must be within 1 to 128`},
		{"scan --shard 1/2 45.16.0.1", `--shard needs --seed`},
		{"scan --seed x --shard 0/2 45.16.0.1", `--shard.*"0/2" is not I/N`},
		{"scan --seed x --shard 3/2 45.16.0.1", `--shard`},
		{"scan --key 0123 45.16.0.1", `--key: the key must have 32 hexadecimal digits`},
		{"scan --method sctp 45.16.0.1", `--method: "sctp" is not udp, icmp, tcp-syn or tcp-ack`},
		{"scan --method icmp --dport 80 45.16.0.1", `--dport cannot be combined with --method icmp`},
		{"scan --probes p --strategy complete", `--probes cannot be combined with --strategy`},
		{"scan --probes p --flows 2", `--probes cannot be combined with --flows`},
		{"scan --bandwidth 1M --rate 100 45.16.0.1", `--bandwidth cannot be combined with --rate`},
		{"lab --network routers --preset clean -- true", `--preset cannot be combined with --network routers`},
		{"trace -A 192.0.2.1", `-A: AS numbers`},
		{"trace -z 10 192.0.2.1", `-z: .* --rate`},
		{"trace --mtu 192.0.2.1", `--mtu: `},
		{"trace --sport 53 192.0.2.1", `--sport: .* --source-port-range`},
		{"trace -l 5 192.0.2.1", `-l: `},
		{"scan --dport 0 45.16.0.1", `--dport must not be 0`},
		{"scan --dport 65536 45.16.0.1", `--dport`},
		{"scan --tos 256 45.16.0.1", `--tos`},
		{"scan --source-port-range 9-8 45.16.0.1", `--source-port-range.*LOW-HIGH`},
		{"scan --source-port-range 1000-1001 --flows 3 45.16.0.1", `port`},
		{"scan --source nobody 45.16.0.1", `--source`},
		{"scan --source 192.0.2.1 --source 192.0.2.2 45.16.0.1", `two addresses of the same family`},
		{"scan --gateway-mac 02:00 45.16.0.1", `--gateway-mac.*not an Ethernet address`},
		{"scan --records none 45.16.0.1", `--records`},
		{"scan --checkpoint c 45.16.0.1", `--output: a checkpoint needs an output file \(-o FILE\), not the standard output`},
		{"scan --resume c 45.16.0.1", `not the standard output`},
		{"scan --checkpoint c -o /dev/null 45.16.0.1", `--output: .* /dev/null is not a file`},
		{"scan --checkpoint c --resume c -o out 45.16.0.1", `--resume cannot be combined with --checkpoint`},
		{"scan --checkpoint c --pcap p -o out 45.16.0.1", `--checkpoint cannot be combined with --pcap`},
		{"scan --checkpoint c --probes p -o out", `--probes`},
		{"scan --checkpoint c --dry-run -o out 45.16.0.1", `--checkpoint cannot be combined with --dry-run`},
		{"scan --checkpoint usage_test.go -o out 45.16.0.1", `--checkpoint: usage_test.go exists: resume its scan, or remove the file`},
		{"lab", ``},
		{"lab --preset nothing true", `nothing`},
		{"lab --set loss=2 true", `no option "loss"`},
	}
	for _, tt := range tests {
		var stdout, stderr bytes.Buffer
		status := execute(strings.Fields(tt.args), strings.NewReader(""), &stdout, &stderr)
		if status != 2 || stdout.Len() > 0 || !regexp.MustCompile("^masstrace: .*"+tt.want).MatchString(stderr.String()) {
			t.Errorf("masstrace %s: status %d, stdout %q, stderr %q; want 2, %q", tt.args, status, stdout.String(), stderr.String(), tt.want)
		}
	}
}
