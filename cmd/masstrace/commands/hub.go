package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/masstrace/masstrace/internal/fleet/broker"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/hub"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/objects"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
)

// HubCmd is the middle of a fleet of vantage points.
type HubCmd struct {
	Action string `arg:"" optional:"" default:"serve" enum:"serve,add-agent,add-submitter,revoke" help:"serve: run the hub. add-agent, add-submitter: print the credentials file of a new agent or submitter. revoke: cut off an agent or a submitter. Default: serve."`
	Name   string `arg:"" optional:"" help:"Name of the agent or submitter: lower-case letters, digits and hyphens."`

	Store  string `group:"Hub" default:"masstrace-hub" placeholder:"DIR" complete:"file" help:"Folder with the jobs, their results, the exclusion list (a file exclude) and the keys. It is made if it is missing. Default: ${default}."`
	Listen string `group:"Hub" default:"127.0.0.1:4222" placeholder:"ADDR:PORT" help:"Where agents and submitters connect. Nobody beyond this machine can, unless another address is given. Default: ${default}."`
	Page   string `group:"Hub" default:"127.0.0.1:8222" placeholder:"ADDR:PORT" help:"Where the status page and /metrics are; none is nowhere. Default: ${default}."`

	NATS       string `group:"Hub" name:"nats" placeholder:"URL" help:"Existing NATS cluster with JetStream as the broker, for example tls://nats.example.net:4222. Its servers include the file nats-users.conf of the folder. With add-agent and add-submitter, the new name connects to it. Default: the broker is inside the hub."`
	NATSCreds  string `group:"Hub" name:"nats-creds" placeholder:"FILE" complete:"file" help:"Credentials of the hub on the cluster, with mode 0600: a user file of NATS, or the seed of an NKey. Default: a key that the hub makes in its folder."`
	NATSSystem string `group:"Hub" name:"nats-system" placeholder:"FILE" complete:"file" help:"Credentials of a user of the system account of the cluster, in the forms of --nats-creds. With them, the hub reloads the configuration of all servers when names are added or revoked. Default: none, the owner of the cluster reloads the servers."`
	NATSCA     string `group:"Hub" name:"nats-ca" placeholder:"FILE" complete:"file" help:"Certificate authority of the cluster. Default: those that this machine trusts."`

	Objects string `group:"Hub" placeholder:"URL" help:"Object store (S3) for the results: https://HOST/BUCKET/PREFIX or s3://BUCKET/PREFIX. Its credentials are in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in the file of AWS_SHARED_CREDENTIALS_FILE. Default: results are in the folder."`

	Hub      string `group:"New names" placeholder:"URL" help:"URL of the hub for the credentials file, for example tls://hub.example.net:4222. Default: none, the agent names it by its own option."`
	Location string `group:"New names" placeholder:"TEXT" help:"Place of the new agent, for the results. Default: none."`
	AS       string `group:"New names" name:"as" placeholder:"TEXT" help:"Autonomous system of the new agent, for the results. Default: none."`
	Output   string `group:"New names" short:"o" default:"-" placeholder:"FILE" help:"File for the credentials, made with mode 0600; - is the standard output. Default: ${default}."`
}

// Validate checks conditions that kong cannot.
func (c *HubCmd) Validate() error {
	if c.Action == "add-agent" || c.Action == "add-submitter" {
		if err := job.CheckName(c.Name); c.Name != "" && err != nil { // before a folder is made
			return fmt.Errorf("%s: %w", c.Action, err)
		}
	}
	switch {
	case c.Action == "serve" && c.Name != "":
		return errors.New("serve takes no name")
	case c.Action != "serve" && c.Name == "":
		return errors.New(c.Action + " needs a name")
	case c.Action != "serve" && c.Objects != "":
		return errors.New("--objects has no effect with " + c.Action + ": it is for serve")
	case c.Action == "revoke" && c.NATS != "":
		return errors.New("--nats has no effect with revoke")
	case c.Action != "serve" && c.NATSCreds != "":
		return errors.New("--nats-creds has no effect with " + c.Action + ": it is for serve")
	case c.Action != "serve" && c.NATSSystem != "":
		return errors.New("--nats-system has no effect with " + c.Action + ": it is for serve")
	}
	if flag := c.ofNewName(); flag != "" && c.Action != "add-agent" && c.Action != "add-submitter" {
		return fmt.Errorf("%s has no effect with %s: it is for add-agent and add-submitter", flag, c.Action)
	}
	return nil
}

// ofNewName returns a flag that only new names have, "" if none is given.
func (c *HubCmd) ofNewName() string {
	switch {
	case c.Hub != "":
		return "--hub"
	case c.Location != "":
		return "--location"
	case c.AS != "":
		return "--as"
	case c.Output != "-":
		return "--output"
	}
	return ""
}

// Run serves the fleet, or changes who may connect.
func (c *HubCmd) Run(signals *signals, s streams) error {
	roster := creds.Roster(filepath.Join(c.Store, "people"))
	switch c.Action {
	case "add-agent":
		return c.add(plaintext.NewWriter(s.Stdout), roster, creds.Agent)
	case "add-submitter":
		return c.add(plaintext.NewWriter(s.Stdout), roster, creds.Submitter)
	case "revoke":
		return c.revoke(newConsole(s, false), roster)
	}
	if err := os.MkdirAll(c.Store, 0o700); err != nil {
		return err
	}
	if c.Page == "none" {
		c.Page = ""
	}
	screen := newConsole(s, false)
	config := hub.Config{Dir: c.Store, Listen: c.Listen, Page: c.Page, Software: tool(), Event: screen.line}
	if c.NATS != "" {
		config.Cluster = &broker.Cluster{URL: c.NATS, Creds: c.NATSCreds, System: c.NATSSystem, CA: c.NATSCA}
	}
	if c.Objects != "" {
		bucket, err := c.bucket(signals.Interrupted, screen)
		if err != nil {
			return err
		}
		config.Results = bucket
	}
	h, err := hub.Open(config)
	if err != nil {
		return err
	}
	screen.line("agents and submitters connect to " + h.URL())
	if url := h.PageURL(); url != "" {
		screen.line("status page: " + url)
	}
	<-signals.Interrupted.Done()
	return h.Close()
}

// revoke cuts a name off. The servers of a cluster must hear of it, too.
func (c *HubCmd) revoke(screen *console, roster creds.Roster) error {
	if err := roster.Revoke(c.Name); err != nil {
		return fleetError(err)
	}
	if _, err := os.Stat(filepath.Join(c.Store, broker.UsersFile)); err == nil {
		screen.line("the hub refuses " + c.Name + " from now on; the cluster closes its connection when its servers reload: see --nats-system")
	}
	return nil
}

// bucket returns the object store of the results. One that refuses writes now may take them later.
func (c *HubCmd) bucket(ctx context.Context, screen *console) (*objects.Bucket, error) {
	b, err := objects.New(objects.Config{URL: c.Objects})
	if err != nil {
		return nil, plan.Refuse("Objects", "%v", err)
	}
	if err := b.Check(ctx); errors.Is(err, objects.ErrConditions) {
		return nil, plan.Refuse("Objects", "%v", err)
	} else if err != nil {
		screen.line(err.Error())
	}
	return b, nil
}

// add makes an identity and writes its file.
func (c *HubCmd) add(stdout io.Writer, roster creds.Roster, role creds.Role) error {
	if err := os.MkdirAll(c.Store, 0o700); err != nil {
		return err
	}
	authority, err := creds.OpenAuthority(c.Store)
	if err != nil {
		return err
	}
	file, err := roster.Add(creds.Identity{Name: c.Name, Role: role, Location: c.Location, AS: c.AS, Added: timeNow()}, c.Hub, authority.PEM)
	if err != nil {
		return fleetError(err)
	}
	if c.NATS != "" {
		if err := c.toCluster(file); err != nil {
			return errors.Join(err, roster.Revoke(c.Name))
		}
	}
	text, err := file.Text()
	if err == nil && c.Output != "-" {
		err = outfile.WriteNew(c.Output, 0o600, text)
	} else if err == nil {
		_, err = stdout.Write(text)
	}
	if err != nil { // nobody has the key
		return errors.Join(err, roster.Revoke(c.Name))
	}
	return nil
}

// toCluster makes a credentials file one for the cluster.
func (c *HubCmd) toCluster(file *creds.File) error {
	if err := creds.CheckURL(c.NATS); err != nil {
		return plan.Refuse("NATS", "%v", err)
	}
	file.Hub, file.Cluster, file.CA = c.NATS, true, ""
	if c.NATSCA != "" {
		text, err := os.ReadFile(c.NATSCA)
		if err != nil {
			return err
		}
		file.CA = string(text)
	}
	return nil
}

// fleetError marks errors that come from what the user asked for.
func fleetError(err error) error {
	if errors.Is(err, creds.ErrKnown) || errors.Is(err, creds.ErrUnknown) {
		return &plan.ConfigError{Err: err}
	}
	return err
}

// stopped is the context of a command that ends at the first signal.
func stopped(ctx context.Context, signals *signals) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	context.AfterFunc(signals.Interrupted, cancel)
	return ctx, cancel
}
