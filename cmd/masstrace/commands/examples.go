package commands

import "github.com/masstrace/masstrace/internal/grammar"

// description is the text of the manual page of the program.
const description = "masstrace is a traceroute for millions of targets. Probes of all TTLs to thousands of targets are in " +
	"flight at the same time. Flows are stable, as in Paris traceroute, and a secret key authenticates each reply.\n\n" +
	"The command needs the capability CAP_NET_RAW to send probes, and gives it up after it has opened its sockets. " +
	"The command lab builds a simulated Internet to try everything in, from which no packet leaves."

// Examples returns the examples of the program.
func (*cli) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Trace one path in a simulated Internet, from which no packet leaves", Line: "masstrace lab -- masstrace trace 45.150.1.206"},
		{Purpose: "Print the plan of a scan of one target in each /24", Line: "masstrace scan 198.51.100.0/22 --allow-reserved --dry-run"},
	}
}

// Examples returns the examples of scan.
func (*ScanCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Print the plan of a scan, and send nothing", Line: "masstrace scan targets.txt --exclude exclude.txt --dry-run"},
		{Purpose: "Trace the targets of a list at 2,000 probes per second", Line: "masstrace scan targets.txt --rate 2k -o out.ndjson.zst"},
		{Purpose: "Find the interfaces of the routers with few probes", Line: "masstrace scan targets.txt --strategy topology -o out.ndjson"},
		{Purpose: "Trace the targets of a scan again whose traces ended in silence", Line: "masstrace scan --from-results first.ndjson --where stop_reason=GAPLIMIT -o second.ndjson"},
		{Purpose: "Trace the anycast address of each IPv6 prefix of a routing table", Line: "masstrace scan rib.bz2 -6 --host-rule sra -o out.ndjson"},
		{Purpose: "Save the progress, and continue after a stop", Line: "masstrace scan targets.txt --checkpoint scan.state -o out.ndjson\nmasstrace scan targets.txt --resume scan.state -o out.ndjson"},
		{Purpose: "Try a scan in the simulated Internet", Line: "masstrace lab -- masstrace scan 45.96.0.0/16 --rate 5k -o out.ndjson"},
	}
}

// Examples returns the examples of trace.
func (*TraceCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Trace the path to a host", Line: "masstrace trace www.example.net"},
		{Purpose: "Trace through firewalls, with TCP to port 443, without names", Line: "masstrace trace -T -p 443 -n www.example.net"},
		{Purpose: "Show the autonomous systems on the path", Line: "masstrace trace -a --annotate asn.mmdb www.example.net"},
		{Purpose: "Show the branches of load balancers", Line: "masstrace trace --flows 16 www.example.net"},
	}
}

// Examples returns the examples of replay.
func (*ReplayCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Write the records of a scan again from its capture", Line: "masstrace replay scan.pcapng -o again.ndjson"},
		{Purpose: "Read the replies in a capture of any traceroute", Line: "masstrace replay --records reply capture.pcap"},
	}
}

// Examples returns the examples of show.
func (*ShowCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Show the traces to one prefix as text", Line: "masstrace show out.ndjson 45.96.22.0/24"},
		{Purpose: "Write the hops as CSV", Line: "masstrace show --csv out.ndjson.zst"},
	}
}

// Examples returns the examples of merge.
func (*MergeCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Write the results of two shards into one file", Line: "masstrace merge shard1.ndjson shard2.ndjson -o all.ndjson"},
		{Purpose: "Do the same without a shard that failed", Line: "masstrace merge --allow-missing shard1.ndjson -o part.ndjson.zst"},
	}
}

// Examples returns the examples of convert.
func (*ConvertCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Compress the results of a scan", Line: "masstrace convert out.ndjson out.ndjson.zst"},
		{Purpose: "Write the traces of another tool as our records", Line: "masstrace convert yarrp.yrp out.ndjson"},
		{Purpose: "Convert from standard input to standard output", Line: "masstrace convert --from scamper --to ndjson - -"},
	}
}

// Examples returns the examples of report.
func (*ReportCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Look at the results of a scan in a browser", Line: "masstrace report out.ndjson -o report.html"},
		{Purpose: "Put two vantage points into one page", Line: "masstrace report paris.ndjson.zst tokyo.warts -o report.html"},
		{Purpose: "Follow a running scan, at http://127.0.0.1:8080/", Line: "masstrace report out.ndjson --serve 8080"},
	}
}

// Examples returns the examples of annotate.
func (*AnnotateCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Add AS numbers and countries to the results of a scan", Line: "masstrace annotate out.ndjson known.ndjson --asn asn.mmdb --geo country.mmdb"},
		{Purpose: "Tell the peering LANs of exchanges apart", Line: "masstrace annotate out.ndjson known.ndjson --asn pfx2as.txt.gz --ixp peeringdb.json"},
		{Purpose: "Add AS numbers to the output of another program", Line: "traceroute -n 192.0.2.1 | masstrace annotate --text --asn asn.mmdb"},
	}
}

// Examples returns the examples of schema.
func (*SchemaCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Print the schema of all records", Line: "masstrace schema"},
		{Purpose: "Print the schema of one type", Line: "masstrace schema trace-ext"},
	}
}

// Examples returns the examples of lab.
func (*LabCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "List the options of the simulated Internet", Line: "masstrace lab --set help"},
		{Purpose: "Run any program in the simulated Internet", Line: "masstrace lab -- traceroute 45.150.1.206"},
		{Purpose: "Start a shell behind a link that loses 5 % of the probes", Line: "masstrace lab --preset clean --set loss-forward=0.05 -- bash"},
		{Purpose: "Keep a log, and compare a scan with it", Line: "masstrace lab --log net.log -- masstrace scan 45.96.0.0/16 -o out.ndjson\nmasstrace verify out.ndjson --log net.log"},
		{Purpose: "Scan from one of four vantage points", Line: "masstrace lab --vantage-points 4 -- masstrace lab exec vp2 -- mtr 45.0.0.1"},
	}
}

// Examples returns the examples of verify.
func (*VerifyCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Compare the results of a scan in the lab with its log", Line: "masstrace verify out.ndjson --log net.log"},
		{Purpose: "Also check that no other address was probed, and print JSON", Line: "masstrace verify out.ndjson --log net.log --targets targets.txt --json"},
	}
}

// statuses are the exit statuses.
func statuses() []grammar.Status {
	return []grammar.Status{
		{Code: "0", Meaning: "Complete."},
		{Code: "1", Meaning: "A host did not answer.", Command: "trace"},
		{Code: "1", Meaning: "A result is false.", Command: "verify"},
		{Code: "1", Meaning: "There is no trace to the targets.", Command: "show"},
		{Code: "2", Meaning: "Wrong usage. The message names the option."},
		{Code: "3", Meaning: "The environment: permission, route, link or file."},
		{Code: "4", Meaning: "The run began and did not finish, for example because of a signal, a firewall, or an input that is cut or damaged."},
		{Code: "130, 143", Meaning: "SIGINT, SIGTERM.", Command: "trace"},
		{Code: "130, 143", Meaning: "SIGINT, SIGTERM, with --text.", Command: "annotate"},
		{Code: "141", Meaning: "The reader of standard output has ended, as head(1) does."},
		{Code: "other", Meaning: "The exit status of the command.", Command: "lab"},
	}
}

// Examples returns the examples of watch.
func (*WatchCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Watch the paths to two hosts live", Line: "masstrace watch www.example.net www.example.com"},
		{Purpose: "Print a report of 20 cycles, as mtr --report does", Line: "masstrace watch --report -c 20 www.example.net"},
		{Purpose: "Watch four flows through load balancers, with TCP to port 443", Line: "masstrace watch -T -p 443 --flows 4 www.example.net"},
		{Purpose: "Record a watch, and show it again ten times as fast", Line: "masstrace watch --record path.json.zst www.example.net\nmasstrace watch --replay path.json.zst --speed 10"},
	}
}

// Examples returns the examples of follow.
func (*FollowCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Follow one target in each /24 of a list, with 500 probes a second, and go on after a restart", Line: "masstrace follow targets.txt --budget 500 --state follow.state -o changes.ndjson"},
		{Purpose: "Run a command for each change", Line: "masstrace follow targets.txt --on-change /usr/local/bin/on-change -o changes.ndjson"},
	}
}

// Examples returns the examples of compare.
func (*CompareCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Show the paths that changed between two scans", Line: "masstrace compare monday.ndjson tuesday.ndjson"},
		{Purpose: "Count the changed paths of each AS, as JSON", Line: "masstrace compare monday.ndjson tuesday.ndjson --by as -o changes.json"},
		{Purpose: "Look at the changes in a browser", Line: "masstrace compare monday.ndjson tuesday.ndjson -o changes.html"},
	}
}

// Examples returns the examples of graph.
func (*GraphCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Draw the neighbourhood of a router", Line: "masstrace graph out.ndjson --near 192.0.2.1 --hops 3 -o near.svg"},
		{Purpose: "Write the graph of the autonomous systems for Gephi", Line: "masstrace graph known.ndjson --level as -o systems.graphml"},
	}
}

// Examples returns the examples of plot.
func (*PlotCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Draw the round-trip times by TTL", Line: "masstrace plot out.ndjson -o rtt.svg"},
		{Purpose: "Write the lengths of the paths as numbers", Line: "masstrace plot out.ndjson --what hops -o hops.csv"},
	}
}

// Examples returns the examples of query.
func (*QueryCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Ask a question of the cookbook", Line: "masstrace query out.ndjson --ask links"},
		{Purpose: "Ask a question in SQL", Line: "masstrace query hops.parquet 'SELECT kind, count(*) FROM hops GROUP BY kind' -o kinds.csv"},
	}
}

// Examples returns the examples of hub.
func (*HubCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Make the credentials of an agent, and copy them there", Line: "masstrace hub add-agent paris --location Paris --hub tls://hub.example.net:4222 -o paris.creds"},
		{Purpose: "Run the hub for agents on other machines", Line: "masstrace hub --listen 0.0.0.0:4222"},
		{Purpose: "Cut off an agent whose credentials were stolen", Line: "masstrace hub revoke paris"},
	}
}

// Examples returns the examples of agent.
func (*AgentCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Serve a hub, within the rules of a file", Line: "masstrace agent --creds paris.creds --policy policy.txt"},
		{Purpose: "Show what runs here, and for whom", Line: "masstrace agent status"},
	}
}

// Examples returns the examples of submit.
func (*SubmitCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Trace each target once, from any vantage point, at 2,000 probes per second over all", Line: "masstrace submit targets.txt --creds alice.creds --name monday --rate 2k --follow"},
		{Purpose: "Trace all targets from all vantage points whose names begin with eu", Line: "masstrace submit targets.txt --creds alice.creds --name views --mode every --agents 'eu*'"},
	}
}

// Examples returns the examples of jobs.
func (*JobsCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Show all jobs and agents", Line: "masstrace jobs --creds alice.creds"},
		{Purpose: "Watch a job until it is done", Line: "masstrace jobs --creds alice.creds --follow monday"},
	}
}

// Examples returns the examples of cancel.
func (*CancelCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Cancel the last job of a name", Line: "masstrace cancel monday --creds alice.creds"},
		{Purpose: "Cancel a job by its number", Line: "masstrace cancel 20260131T120000Z-0a1b2c3d --creds alice.creds"},
	}
}

// Examples returns the examples of fetch.
func (*FetchCmd) Examples() []grammar.Example {
	return []grammar.Example{
		{Purpose: "Fetch all records into one file", Line: "masstrace fetch monday --creds alice.creds -o monday.ndjson.zst"},
		{Purpose: "Fetch a folder of Parquet files", Line: "masstrace fetch monday --creds alice.creds -o results/"},
	}
}
