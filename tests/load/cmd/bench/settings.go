package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/leadmill/leadmill/tests/dbtest"
	"github.com/leadmill/leadmill/tests/load"
)

// The parts of a run, as -only names them.
const (
	partLeads     = "leads"
	partPaging    = "paging"
	partPeer      = "peer"
	partGrown     = "grown"
	partSellers   = "sellers"
	partConsumers = "consumers"
	partContracts = "contracts"
	partBulk      = "bulk"
	partNotify    = "notify"
	partConfirm   = "confirm"
	partPing      = "ping"
	partFeed      = "feed"
	partRelay     = "relay"
	partOutage    = "outage"
	partEndpoints = "endpoints"
	partIdle      = "idle"
	partPages     = "pages"
)

var (
	parts = []string{partLeads, partPaging, partPeer, partGrown, partSellers, partConsumers, partContracts, partBulk, partNotify, partConfirm, partPing, partFeed, partRelay, partOutage, partEndpoints, partIdle, partPages}
	// usualParts are those of a call that names none; -peer and -targets add to them.
	usualParts = []string{partLeads, partPaging}
)

// settings are the arguments of a call.
type settings struct {
	engines     []dbtest.Engine
	connections []int
	batches     []int
	duration    time.Duration
	warmup      time.Duration
	rounds      int
	check       bool
	targets     bool // every limit is of interest
	binary      string
	revision    string // of -against: the one to compare with; none when empty
	parts       []string
	leads       int64 // of a grown database
	pagesLeads  int64 // of a database whose pages are opened
	sellers     int   // of which a batch is mixed
	waiting     int64 // for a receiver that is dead
	outage      time.Duration
	pagingRows  int
}

// does reports whether a part belongs to the run.
func (s *settings) does(part string) bool { return slices.Contains(s.parts, part) }

// most is the largest number of clients.
func (s *settings) most() int { return slices.Max(s.connections) }

// load is the run that most parts measure.
func (s *settings) load() load.Options {
	return load.Options{Connections: s.most(), Warmup: s.warmup, Duration: s.duration}
}

const usage = `Usage: bench [options]        or  make bench ARGS='[options]'

Measures how many leads a second Leadmill sells on each database, what a lead costs, and how long a page of a long list
takes, and checks the limits that the figures must keep. With -only it measures these parts alone:

  leads      leads a second, with each number of clients and each LEADMILL_BATCH_MAX
  paging     the first and the last page of a long list
  peer       selling leads on SQLite against PocketBase storing bare records of the same fields
  grown      a database with many leads (-leads) against an empty one, on SQLite and MySQL
  sellers    leads of many sellers (-sellers), ten each, against as many leads of one seller
  consumers  ten consumers of the event log, six of them with nothing to do, against four
  contracts  1, 100 and 10,000 contracts with filters in one campaign, ten of which each lead passes
  bulk       requests of 1,000 leads of 4 clients against single leads of 4 and of 256 clients
  notify     deliveries to 20 receivers, what they cost a sale, and one receiver that is dead (-waiting)
  confirm    buyers that are asked before they are sold a lead, and answer in 100 ms or late
  ping       pings at 20 a second with what 20 contracts pay, and with bids of 20 bidders
  feed       from an event to who reads it by feed, stream, webhook, NATS and an address as a sink, at 100 and 2,000 leads a second
  relay      what sending all events to NATS costs a lead, at 1,000 leads a second
  outage     a broker that is away while leads are sold (-outage), and what it has in the end
  endpoints  1,000 webhooks, ten of which are dead and ten slow
  idle       statements a second while nothing happens, on MySQL and MariaDB
  pages      every page of the console, of buyers' people and of partners with 1,000,000 leads (-leads) and 10,000 partners,
             and leads with Today open in 20 browsers

With -against it compares two revisions: it builds the given one from git, runs both in turn (old new, new old,
old new, …), each time on an empty database, and prints the medians of both, their ratio and how far the single
measurements lie apart. The parts leads, sellers and contracts are measured for both, the others for the new one. Examples:

  make bench ARGS='-against main'
  make bench ARGS='-quick -engines mysql -batch 256 -against HEAD~3'
  make bench ARGS='-against HEAD~3 -rounds 3 -targets'

Options:
`

// parse reads the arguments. When help is asked for, it writes the help and returns flag.ErrHelp.
func parse(args []string, help io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the caller tells errors
	engines := flags.String("engines", "sqlite,mysql,mariadb", "databases to measure")
	connections := flags.String("connections", "1,64,256", "numbers of clients that post at the same time")
	batches := flags.String("batch", "256,1", "values of LEADMILL_BATCH_MAX to compare, the usual one first")
	flags.DurationVar(&s.duration, "duration", 10*time.Second, "how long one measurement takes")
	flags.DurationVar(&s.warmup, "warmup", time.Second, "how long the clients post before it")
	flags.IntVar(&s.rounds, "rounds", 3, "how often everything is measured; the table has medians. With -against the default is 5")
	flags.StringVar(&s.binary, "binary", "", "measure this binary instead of building one")
	flags.StringVar(&s.revision, "against", "", "compare with this `revision`: a commit, branch or tag of the repository")
	quick := flags.Bool("quick", false, "3 s with 256 connections, one round without -against, and small numbers of leads, sellers, deliveries and rows")
	only := flags.String("only", "", "measure only these `parts`, separated by commas")
	peer := flags.String("peer", "", "measure this `program` too: pocketbase")
	flags.BoolVar(&s.targets, "targets", false, "measure every part, list every limit, and exit 1 when one is not kept, with -against too")
	flags.Int64Var(&s.leads, "leads", grownLeads, "how many leads a grown database has; for the part pages the default is 1,000,000")
	flags.IntVar(&s.sellers, "sellers", manySellers, "how many sellers the part sellers has")
	flags.Int64Var(&s.waiting, "waiting", deadWaiting, "how many deliveries wait for a dead receiver")
	flags.DurationVar(&s.outage, "outage", 5*time.Minute, "how long a broker is away")
	noCheck := flags.Bool("no-check", false, "do not check the limits on the figures; every lead is still counted")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(help)
		_, writing := io.WriteString(help, usage)
		flags.PrintDefaults()
		return s, errors.Join(err, writing)
	} else if err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	s.pagingRows = pagingRows
	if *quick {
		s.pagingRows = pagingQuick
		preset(given, "rounds", &s.rounds, 1)
		preset(given, "duration", &s.duration, 3*time.Second)
		preset(given, "connections", connections, "256")
		preset(given, "leads", &s.leads, grownQuick)
		preset(given, "sellers", &s.sellers, sellersQuick)
		preset(given, "waiting", &s.waiting, deadQuick)
		preset(given, "outage", &s.outage, 20*time.Second)
	}
	s.pagesLeads = pagesLeads
	switch {
	case given["leads"]:
		s.pagesLeads = s.leads
	case *quick:
		s.pagesLeads = pagesQuick
	}
	var err1, err2, err3, err4 error
	s.engines, err1 = databases(*engines)
	s.connections, err2 = numbers("-connections", *connections)
	s.batches, err3 = numbers("-batch", *batches)
	s.parts, err4 = s.chosen(*only, *peer, given)
	if given["against"] {
		preset(given, "rounds", &s.rounds, pairedRounds)
	}
	// Two revisions are compared for many reasons; only those who ask want to be stopped by the figures.
	s.check = !*noCheck && (s.targets || !given["against"])
	err := errors.Join(err1, err2, err3, err4, s.problems(given))
	if *noCheck && s.targets {
		err = errors.Join(err, errors.New("-targets and -no-check do not go together"))
	}
	return s, err
}

// chosen are the parts to measure.
func (s *settings) chosen(only, peer string, given map[string]bool) (out []string, err error) {
	if peer != "" && peer != peerPocketBase {
		return nil, fmt.Errorf("-peer: %q is not %s", peer, peerPocketBase)
	}
	switch {
	case only != "":
		for part := range strings.SplitSeq(only, ",") {
			if !slices.Contains(parts, part) {
				return nil, fmt.Errorf("-only: %q is none of %s", part, strings.Join(parts, ", "))
			}
			out = append(out, part)
		}
	case s.targets:
		out = slices.Clone(parts)
	default:
		out = slices.Clone(usualParts)
	}
	if peer != "" && !slices.Contains(out, partPeer) {
		out = append(out, partPeer)
	}
	if given["against"] {
		if slices.Contains(out, partPaging) && only != "" {
			return nil, errors.New("-against leaves paging out: it writes its rows into tables as this revision has them")
		}
		out = slices.DeleteFunc(out, func(part string) bool { return part == partPaging })
	}
	return out, nil
}

// problems tells what is wrong with single values and with values that do not go together.
func (s *settings) problems(given map[string]bool) error {
	var all []error
	if s.rounds < 1 || s.duration <= 0 || s.warmup < 0 {
		all = append(all, errors.New("-rounds and -duration must be above 0"))
	}
	if s.leads < 1 || s.sellers < 2 {
		all = append(all, errors.New("-leads must be above 0 and -sellers above 1"))
	}
	if s.does(partNotify) && s.waiting < int64(s.most()) {
		all = append(all, errors.New("-waiting must be at least the largest of -connections"))
	}
	if s.outage <= 0 {
		all = append(all, errors.New("-outage must be above 0"))
	}
	if !given["against"] {
		return errors.Join(all...)
	}
	if s.revision == "" || strings.HasPrefix(s.revision, "-") {
		all = append(all, errors.New("-against needs a commit, a branch or a tag"))
	}
	if s.rounds > 0 && s.rounds < leastPairedRounds {
		all = append(all, fmt.Errorf("-against needs at least %d -rounds: fewer say nothing about noise", leastPairedRounds))
	}
	return errors.Join(all...)
}

// preset sets what was not set by hand.
func preset[T any](given map[string]bool, name string, target *T, value T) {
	if !given[name] {
		*target = value
	}
}

func databases(list string) (out []dbtest.Engine, err error) {
	for name := range strings.SplitSeq(list, ",") {
		e := dbtest.Engine(name)
		if !slices.Contains([]dbtest.Engine{dbtest.SQLite, dbtest.MySQL, dbtest.MariaDB}, e) {
			return nil, fmt.Errorf("-engines: %q is none of sqlite, mysql, mariadb", name)
		}
		out = append(out, e)
	}
	return out, nil
}

func numbers(name, list string) (out []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%s: %q is not a number from 1", name, text)
		}
		out = append(out, n)
	}
	return out, nil
}
