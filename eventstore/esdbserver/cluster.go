package esdbserver

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// protocolVersion is the version of EventStoreDB whose protocol is spoken.
const protocolVersion = "23.10.0"

// gossipService tells of a cluster of one node, which leads.
type gossipService struct {
	gossip.UnimplementedGossipServer
	server *Server
}

// Read implements the protocol's gossip.
func (g *gossipService) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	address := g.server.opts.Advertise
	if p, ok := peer.FromContext(ctx); ok && address == "" && p.LocalAddr != nil {
		address = p.LocalAddr.String()
	}
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, status.Errorf(codes.FailedPrecondition, "the server's own address %q is not of the form host:port", address)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, status.Errorf(codes.FailedPrecondition, "the server's own address %q has no port number", address)
	}
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		InstanceId:   toUUID(g.server.id, false),
		TimeStamp:    time.Now().UnixNano() / tick,
		State:        gossip.MemberInfo_Leader,
		IsAlive:      true,
		HttpEndPoint: &gossip.EndPoint{Address: host, Port: uint32(port)},
	}}}, nil
}

// featuresService tells which methods there are.
type featuresService struct {
	serverfeatures.UnimplementedServerFeaturesServer
}

// GetSupportedMethods implements the protocol's server features.
func (*featuresService) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	methods := &serverfeatures.SupportedMethods{EventStoreServerVersion: protocolVersion}
	add := func(service string, names ...string) {
		for _, name := range names {
			methods.Methods = append(methods.Methods, &serverfeatures.SupportedMethod{ServiceName: service, MethodName: name})
		}
	}
	add("event_store.client.streams.streams", "read", "append", "batchappend", "delete", "tombstone")
	add("event_store.client.gossip.gossip", "read")
	add("event_store.client.server_features.serverfeatures", "getsupportedmethods")
	return methods, nil
}
