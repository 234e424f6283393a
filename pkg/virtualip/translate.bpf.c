// Translates virtual addresses where programs connect: what connect() is told is replaced by an endpoint, before there is
// a packet, so that a connection costs what one to the endpoint itself does. nftables does the same for whatever is let
// through here untranslated, so every doubt ends with `return`.
//
// The maps are written by translator.ts, which has their layout too: whoever changes one changes `layout` there. They
// outlive the process that wrote them, and the programs.
//
// Needs Linux 5.12: before, nothing can be added to a number and read in one step.
#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// As in the packet: network byte order.
struct place {
  __be32 address;
  __be16 port;
  __u16 unused;
};

// What stands behind a port of a virtual address: so many turns, which connections take one after the other.
struct service {
  __u32 id;
  __u32 count;
  __u32 next;
};

// A service that changes gets another id, so nobody ever sees half of the old turns and half of the new ones.
struct turn {
  __u32 id;
  __u32 index;
};

struct connection {
  struct place virtual;
  struct place target;
};

struct pair {
  __be32 virtual;
  struct place target;
};

struct settings {
  // In seconds since the machine was started; 0: not at all. Who keeps the maps in step says again and again how long
  // they may be believed, so that nothing is left that translates what is not true any more.
  __u32 until;
  // The range of virtual addresses, both within, in the machine's byte order.
  __u32 first;
  __u32 last;
  __u32 layout;
};

struct settings_map {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct settings);
} settings SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16384);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct place);
  __type(value, struct service);
} services SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 131072);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct turn);
  __type(value, struct place);
} targets SEC(".maps");

// The connections of sockets, by the number that the kernel gives a socket once. All of its memory is there from the
// beginning: what is allocated for each connection is freed for each, by interrupts, which virtual machines pay for dearly.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __type(key, __u64);
  __type(value, struct connection);
} sockets SEC(".maps");

// How many connections to an endpoint through a virtual address there are.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct pair);
  __type(value, __u64);
} open SEC(".maps");

// How many connections were made to a virtual address, or tried.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, __be32);
  __type(value, __u64);
} made SEC(".maps");

// Never read. Who writes to a map of maps waits until no program runs that was running before.
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 1);
  __type(key, __u32);
  __array(values, struct settings_map);
} barrier SEC(".maps") = {.values = {&settings}};

static __always_inline __u64 *counter(void *map, const void *key) {
  const __u64 none = 0;
  __u64 *count = bpf_map_lookup_elem(map, key);
  if (count) return count;
  bpf_map_update_elem(map, key, &none, BPF_NOEXIST);
  return bpf_map_lookup_elem(map, key);
}

// A connection has ended.
static __always_inline void forget(__u64 cookie) {
  struct connection *connection = bpf_map_lookup_elem(&sockets, &cookie);
  if (!connection) return;
  struct pair pair = {connection->virtual.address, connection->target};
  // Only one of those who are here at once has deleted it.
  if (bpf_map_delete_elem(&sockets, &cookie)) return;
  __u64 *count = bpf_map_lookup_elem(&open, &pair);
  if (count) __sync_fetch_and_add(count, -1);
}

static __always_inline int is_same(const struct place *one, const struct place *other) {
  return one->address == other->address && one->port == other->port;
}

// The kernel asks only where the socket has no connection: connect() again of one that has, or is about to, ends before.
static __always_inline void translate(__u64 cookie, struct place *place) {
  struct connection *known = bpf_map_lookup_elem(&sockets, &cookie);
  // While these programs are replaced, those of before have just done it, over the same maps.
  if (known && is_same(&known->target, place)) return;
  forget(cookie);
  __u32 zero = 0;
  struct settings *settings_now = bpf_map_lookup_elem(&settings, &zero);
  if (!settings_now) return;
  __u32 address = bpf_ntohl(place->address);
  if (address < settings_now->first || address > settings_now->last) return;
  if (bpf_ktime_get_boot_ns() >= settings_now->until * 1000000000ULL) return;
  struct service *service = bpf_map_lookup_elem(&services, place);
  if (!service || service->count == 0) return;
  struct turn turn = {service->id, __sync_fetch_and_add(&service->next, 1) % service->count};
  struct place *target = bpf_map_lookup_elem(&targets, &turn);
  if (!target) return;

  struct connection connection = {*place, *target};
  struct pair pair = {place->address, *target};
  __u64 *count = counter(&open, &pair);
  if (!count) return;
  // Counted before it is known of: nobody takes off what is not counted yet.
  __sync_fetch_and_add(count, 1);
  if (bpf_map_update_elem(&sockets, &cookie, &connection, BPF_ANY)) {
    __sync_fetch_and_add(count, -1);
    return;
  }
  __u64 *times = counter(&made, &place->address);
  if (times) __sync_fetch_and_add(times, 1);
  *place = connection.target;
}

// What was translated is what its program connected to, when it asks.
static __always_inline void restore(__u64 cookie, struct place *place) {
  struct connection *connection = bpf_map_lookup_elem(&sockets, &cookie);
  if (!connection || !is_same(&connection->target, place)) return;
  *place = connection->virtual;
}

static __always_inline int is_mapped(const struct bpf_sock_addr *ctx) {
  return ctx->user_ip6[0] == 0 && ctx->user_ip6[1] == 0 && ctx->user_ip6[2] == bpf_htonl(0xffff);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx) {
  if (ctx->protocol != IPPROTO_TCP) return 1;
  struct place place = {ctx->user_ip4, (__be16)ctx->user_port, 0};
  translate(bpf_get_socket_cookie(ctx), &place);
  ctx->user_ip4 = place.address;
  ctx->user_port = place.port;
  return 1;
}

// Of an IPv6 socket that connects to an IPv4 address, ::ffff:198.18.16.5, as Java's do.
SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx) {
  if (ctx->protocol != IPPROTO_TCP || !is_mapped(ctx)) return 1;
  struct place place = {ctx->user_ip6[3], (__be16)ctx->user_port, 0};
  translate(bpf_get_socket_cookie(ctx), &place);
  ctx->user_ip6[3] = place.address;
  ctx->user_port = place.port;
  return 1;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx) {
  if (ctx->protocol != IPPROTO_TCP) return 1;
  struct place place = {ctx->user_ip4, (__be16)ctx->user_port, 0};
  restore(bpf_get_socket_cookie(ctx), &place);
  ctx->user_ip4 = place.address;
  ctx->user_port = place.port;
  return 1;
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx) {
  if (ctx->protocol != IPPROTO_TCP || !is_mapped(ctx)) return 1;
  struct place place = {ctx->user_ip6[3], (__be16)ctx->user_port, 0};
  restore(bpf_get_socket_cookie(ctx), &place);
  ctx->user_ip6[3] = place.address;
  ctx->user_port = place.port;
  return 1;
}

// Calls for each change of state of a connection that was translated, and of no other.
SEC("sockops")
int sock_ops(struct bpf_sock_ops *ctx) {
  __u64 cookie;
  switch (ctx->op) {
    case BPF_SOCK_OPS_TCP_CONNECT_CB:
      cookie = bpf_get_socket_cookie(ctx);
      if (bpf_map_lookup_elem(&sockets, &cookie))
        bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
      break;
    case BPF_SOCK_OPS_STATE_CB:
      // Refused, reset, or closed by both sides; a socket that its program has closed may send until then.
      if (ctx->args[1] == BPF_TCP_CLOSE) forget(bpf_get_socket_cookie(ctx));
      break;
  }
  return 1;
}

// What is closed has no connection that could change any more: where there is no way to the endpoint it never had one.
SEC("cgroup/sock_release")
int sock_release(struct bpf_sock *ctx) {
  if (ctx->protocol == IPPROTO_TCP && ctx->state == BPF_TCP_CLOSE) forget(bpf_get_socket_cookie(ctx));
  return 1;
}

char _license[] SEC("license") = "Apache-2.0";
