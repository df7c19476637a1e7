// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

/// The flat C interface between the C++ shim (librmw_ckpt.so) and the C# core (libRmwCkpt.Core.so).
///
/// Rules that hold for every function here:
/// - it may be called from any thread, and never throws;
/// - it returns CKPT_OK (0) or one of the CKPT_* codes; on a code other than CKPT_OK, CKPT_TIMEOUT and CKPT_LOST,
///   `ckpt_error` gives the calling thread's message: what failed, where, and what to do;
/// - on failure nothing is changed and output parameters are left as they were;
/// - strings are UTF-8, NUL-terminated, and copied before the call returns;
/// - times are nanoseconds; CKPT_INFINITE means "no limit";
/// - entities are named by a `ckpt_id`: unique in the process, never 0, given in the order of creation (so that a
///   process that is started again and replays gives the same ids).
#ifndef RMW_CKPT__CKPT_H_
#define RMW_CKPT__CKPT_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t ckpt_id;
typedef int32_t ckpt_code;

enum {
  CKPT_OK = 0,
  CKPT_ERROR = 1,      ///< Any failure that no other code names.
  CKPT_INVALID = 2,    ///< A bad argument: NULL, an unknown id, an id of the wrong kind, a bad QoS.
  CKPT_TIMEOUT = 3,    ///< ckpt_wait: nothing became ready in time.
  CKPT_NO_SPACE = 4,   ///< The run folder's file system is full.
  CKPT_TOO_LARGE = 5,  ///< The message is larger than a log record can be (2 GiB less its head).
  CKPT_NO_MASTER = 6,  ///< The master could not be started or does not answer.
  CKPT_UNSUPPORTED = 8,
  CKPT_LOST = 9,  ///< ckpt_take_end: the bytes were recycled while they were read; discard what was read.
};

#define CKPT_INFINITE INT64_MAX
#define CKPT_GID_SIZE 16
#define CKPT_TYPE_HASH_SIZE 33  ///< rosidl_type_hash_t: version byte and 32 bytes.

typedef enum ckpt_kind {
  CKPT_NODE = 1,
  CKPT_PUBLISHER = 2,
  CKPT_SUBSCRIPTION = 3,
  CKPT_SERVICE = 4,
  CKPT_CLIENT = 5,
  CKPT_GUARD = 6,
  CKPT_EVENT = 7,
} ckpt_kind;

/// QoS in concrete values only: the shim resolves system_default, best_available and unknown. 32 bytes.
typedef struct ckpt_qos {
  uint8_t reliability;  ///< 1 reliable, 2 best effort.
  uint8_t durability;   ///< 1 transient_local, 2 volatile.
  uint8_t history;      ///< 1 keep_last, 2 keep_all.
  uint8_t liveliness;   ///< 1 automatic, 2 manual by topic.
  uint32_t depth;       ///< At least 1 with keep_last.
  int64_t deadline;
  int64_t lifespan;
  int64_t lease;
} ckpt_qos;

typedef struct ckpt_endpoint_options {
  const char * topic;         ///< Topic or service name, fully expanded, as ROS shows it ("/chatter").
  const char * type;          ///< "std_msgs/msg/String", "std_srvs/srv/Empty".
  const uint8_t * type_hash;  ///< CKPT_TYPE_HASH_SIZE bytes, or NULL when the type has none.
  const char * description;   ///< Type description as JSON (see docs/transport.md), or NULL.
  ckpt_qos qos;
  uint8_t ignore_local_publications;  ///< Subscriptions: skip publishers of the same session.
} ckpt_endpoint_options;

/// Correlates a reply with its request: the client's gid and the request's sequence in the client's log.
typedef struct ckpt_request_id {
  uint8_t client[CKPT_GID_SIZE];
  int64_t sequence;
} ckpt_request_id;

/// Space reserved for one message.
typedef struct ckpt_reservation {
  void * data;  ///< Where to serialise; `size` bytes as asked for.
} ckpt_reservation;

/// One message lent for reading until ckpt_take_end.
typedef struct ckpt_message {
  const void * data;    ///< CDR with its 4-byte encapsulation, after which it is 8-byte aligned.
  uint64_t size;        ///< Bytes.
  int64_t sequence;     ///< The writer's sequence number, from 1.
  int64_t source_time;  ///< When it was committed, ns since the epoch (ROS time of the writer's process).
  uint8_t writer[CKPT_GID_SIZE];
  ckpt_request_id request;  ///< Services: which request this is; clients: which request it answers.
  uint8_t taken;            ///< 0: nothing was there, all else is unset.
} ckpt_message;

typedef enum ckpt_event_kind {
  CKPT_EVENT_LIVELINESS_CHANGED = 1,
  CKPT_EVENT_REQUESTED_DEADLINE_MISSED = 2,
  CKPT_EVENT_REQUESTED_QOS_INCOMPATIBLE = 3,
  CKPT_EVENT_MESSAGE_LOST = 4,
  CKPT_EVENT_SUBSCRIPTION_INCOMPATIBLE_TYPE = 5,
  CKPT_EVENT_SUBSCRIPTION_MATCHED = 6,
  CKPT_EVENT_LIVELINESS_LOST = 7,
  CKPT_EVENT_OFFERED_DEADLINE_MISSED = 8,
  CKPT_EVENT_OFFERED_QOS_INCOMPATIBLE = 9,
  CKPT_EVENT_PUBLISHER_INCOMPATIBLE_TYPE = 10,
  CKPT_EVENT_PUBLICATION_MATCHED = 11,
} ckpt_event_kind;

typedef struct ckpt_event_status {
  int64_t total;         ///< Total count since creation (matched, incompatible, lost, missed); LIVELINESS_CHANGED:
                         ///< matched publishers that are not alive now.
  int64_t total_change;  ///< Since the last take.
  int64_t current;       ///< Matched now; LIVELINESS_CHANGED: publishers that are alive now.
  int64_t current_change;
  int32_t last_policy;  ///< Incompatible QoS: one of CKPT_POLICY_*.
} ckpt_event_status;

enum { CKPT_POLICY_DURABILITY = 1, CKPT_POLICY_DEADLINE = 2, CKPT_POLICY_LIVELINESS = 3, CKPT_POLICY_RELIABILITY = 4 };

/// One row of the graph; the same layout as a row of the mapped graph table (src/RmwCkpt.Domain/GraphRow.cs). 1024 B.
typedef struct ckpt_graph_entry {
  uint32_t stamp;    ///< Odd while it is being written (readers outside the core never see that).
  uint32_t state;    ///< 1 live, else free.
  uint64_t version;  ///< Graph version at which it last changed.
  uint8_t kind;      ///< ckpt_kind: node, publisher, subscription, service or client.
  uint8_t flags;     ///< Bit 0: has a type hash.
  uint16_t reserved;
  uint32_t process;  ///< Slot in the process table.
  uint32_t node;     ///< Endpoints: the ckpt_id of their node (same process).
  uint32_t entity;   ///< ckpt_id in its process.
  uint8_t gid[CKPT_GID_SIZE];
  ckpt_qos qos;           ///< At offset 48.
  uint8_t type_hash[40];  ///< 33 used.
  int64_t created;        ///< ns since the epoch.
  char name[256];         ///< At offset 128. Node name, or topic or service name. NUL-terminated.
  char type[256];         ///< Node namespace, or type name.
  char enclave[384];      ///< Nodes only.
} ckpt_graph_entry;

// --- Life of the core
// -------------------------------------------------------------------------------------------------

/// Copies the calling thread's last error message, NUL-terminated and cut to `size`.
void ckpt_error(char * buffer, size_t size);

/// Joins the domain: starts the master where there is none, registers this process. One session per domain and process;
/// a further call for the same domain shares it (and counts). Blocks at most 10 s.
ckpt_code ckpt_init(uint32_t domain, ckpt_id * session);

/// One ckpt_init less. After the last the process is not recovered when it ends; its entities do what they did until
/// they are destroyed, and waits go on; 10 ms, 100 ms and 1 s later all guard conditions are triggered. Takes no time:
/// signal handlers shut down, and nobody should see them half-way.
ckpt_code ckpt_shutdown(ckpt_id session);

/// Leaves the domain when each ckpt_init of the session has had its ckpt_shutdown and its ckpt_fini: destroys what was
/// left in it. Its handles must not be used any more.
ckpt_code ckpt_fini(ckpt_id session);

/// Says that the process is ending by itself (an exit handler calls it): unless it had shut down, its exit status tells
/// whether that is a death. From here on ckpt_shutdown, ckpt_fini and ckpt_destroy do nothing. Async-signal-unsafe.
void ckpt_leave(void);

/// Where a signal handler notes when the process was asked to end; valid until the session's last ckpt_fini.
typedef struct ckpt_asked_place {
  const uint64_t * owner;  ///< Holds `process` as long as the place is this process'.
  uint64_t process;
  int64_t * asked_at;  ///< ns since the epoch.
} ckpt_asked_place;

ckpt_code ckpt_asked(ckpt_id session, ckpt_asked_place * place);

/// The lock of the program's language, as Python's, of which the core lets go while it waits for other threads in a
/// replay. `let_go` returns what `take_back` wants to have, or null where the calling thread has the lock not.
void ckpt_host_lock(void * (*let_go)(void), void (*take_back)(void * held));

/// What the thread that takes snapshots by fork goes by; the page stays mapped for good, the rest until the session's
/// last ckpt_fini.
typedef struct ckpt_snapshots_place {
  void * page;       ///< As SnapshotPage.cs says; NULL: RMW_CKPT_ENGINE does not ask for them.
  uint64_t * claim;  ///< Of the process' slot, as ProcessTable.cs says; the others too.
  const uint32_t * incarnation;
  uint32_t * pid;
  const uint32_t * folder;  ///< The process' descriptor of the run folder.
} ckpt_snapshots_place;

ckpt_code ckpt_snapshots(ckpt_id session, ckpt_snapshots_place * place);

/// ROS time for this process: what librcutils would read from `clock` (CLOCK_REALTIME or CLOCK_MONOTONIC) given what
/// the kernel answered. Journalled; replayed; passes `real` through before ckpt_init.
int64_t ckpt_clock(int32_t clock, int64_t real);

/// Random bytes for this process, given what the kernel answered, in place: journalled; replayed; left as they are
/// before ckpt_init, and where there are more than 4096.
void ckpt_random(void * bytes, size_t size);

// --- Timers: rcl's own, known by their addresses
// --------------------------------------------------------------------------------

/// What a clock tells that is read to see when a timer is due: not journalled. Else as ckpt_clock.
int64_t ckpt_timer_peek(int32_t clock, int64_t real);

#define CKPT_NO_CLOCK 2  ///< The clock of a timer that reads none, for its time is a simulation's.

/// A timer is called, and its clock read: journalled; in replay it waits for its turn and tells what was told then.
int64_t ckpt_timer_call(const void * timer, int32_t clock, int64_t real);

/// A timer is no more; at its address there may be another.
void ckpt_timer_gone(const void * timer);

/// The calling thread is about to wait for these timers, null ones aside; for none: it has waited.
void ckpt_timers_await(const void * const * timers, size_t count);

/// Which of these timers a wait found due, or a question, null ones aside: those that `due` says, journalled; in replay
/// those that were then.
void ckpt_timers_due(const void * const * timers, size_t count, uint8_t * due);

// --- Nodes, endpoints, guard conditions
// -------------------------------------------------------------------------------

ckpt_code ckpt_create_node(ckpt_id session, const char * name, const char * name_space, const char * enclave,
                           ckpt_id * node);
/// The guard condition that triggers when the graph changes; owned by the node.
ckpt_code ckpt_node_graph_guard(ckpt_id node, ckpt_id * guard);
ckpt_code ckpt_create_publisher(ckpt_id node, const ckpt_endpoint_options * options, ckpt_id * publisher);
ckpt_code ckpt_create_subscription(ckpt_id node, const ckpt_endpoint_options * options, ckpt_id * subscription);
ckpt_code ckpt_create_service(ckpt_id node, const ckpt_endpoint_options * options, ckpt_id * service);
ckpt_code ckpt_create_client(ckpt_id node, const ckpt_endpoint_options * options, ckpt_id * client);
ckpt_code ckpt_create_guard(ckpt_id session, ckpt_id * guard);
/// `entity`: publisher or subscription. `kind`: ckpt_event_kind.
ckpt_code ckpt_create_event(ckpt_id entity, int32_t kind, ckpt_id * event);
/// Any kind of entity. Waits for calls under way on it.
ckpt_code ckpt_destroy(ckpt_id entity);

ckpt_code ckpt_gid(ckpt_id entity, uint8_t gid[CKPT_GID_SIZE]);
ckpt_code ckpt_trigger(ckpt_id guard);
/// A publisher says that it is alive. A publish says so too.
ckpt_code ckpt_assert_liveliness(ckpt_id publisher);

// --- Messages
// ---------------------------------------------------------------------------------------------------------

/// Reserves `size` bytes in the log of a publisher, a client (request) or a service (reply; then `answers` names the
/// request, else NULL). Holds the entity's writer lock until _end or _abort, which the same thread must call.
ckpt_code ckpt_publish_begin(ckpt_id entity, const ckpt_request_id * answers, uint64_t size,
                             ckpt_reservation * reservation);
/// Commits the first `size` bytes (at most what was reserved) and rings the readers' doorbells. `sequence` may be NULL;
/// below 0: there was no room for the message, and it went nowhere, as where a network loses it.
ckpt_code ckpt_publish_end(ckpt_id entity, const ckpt_reservation * reservation, uint64_t size, int64_t * sequence);
ckpt_code ckpt_publish_abort(ckpt_id entity, const ckpt_reservation * reservation);

/// Lends `size` zero bytes to a publisher, to be written where they will be read, until one of the next two, or until
/// it is destroyed; from any thread. `data` NULL: there is no such memory (there need be none for more than the first
/// `size` of a publisher), and the caller uses its own. data + 4 is aligned to 64.
ckpt_code ckpt_borrow(ckpt_id entity, uint64_t size, void ** data);
/// Publishes the first `size` bytes. CKPT_ERROR: nothing is lent at `data`. On failure it is still lent.
ckpt_code ckpt_publish_borrowed(ckpt_id entity, const void * data, uint64_t size);
ckpt_code ckpt_return_borrowed(ckpt_id entity, const void * data);

/// Lends the next message of a subscription, service (request) or client (reply). CKPT_OK with taken = 0 when there is
/// none. With taken = 1 holds the entity's reader lock until ckpt_take_end, which the same thread must call.
ckpt_code ckpt_take_begin(ckpt_id entity, ckpt_message * message);
ckpt_code ckpt_take_end(ckpt_id entity, const ckpt_message * message);
/// Instead of ckpt_take_end: the message may be read where it is, and not written to, until ckpt_return_loan with its
/// `data`, from any thread, or until the entity is destroyed; CKPT_ERROR there: nothing is lent at `data`. CKPT_LOST as
/// ckpt_take_end: nothing is lent.
ckpt_code ckpt_take_loan(ckpt_id entity, const ckpt_message * message);
ckpt_code ckpt_return_loan(ckpt_id entity, const void * data);

/// Waits until one of `ids` is ready (subscriptions, services, clients, guard conditions, events), for at most
/// `timeout` ns (negative or CKPT_INFINITE: no limit; 0: only looks). Sets ready[i] to 1 or 0 for each. Triggers of
/// guard conditions that it reports are consumed. CKPT_OK when at least one is ready, else CKPT_TIMEOUT. The last
/// `guards` of the ids are guard conditions, of which executors have thousands, and are looked at together; there may
/// be others before.
ckpt_code ckpt_wait(ckpt_id session, const ckpt_id * ids, uint8_t * ready, size_t count, size_t guards,
                    int64_t timeout);

/// Calls `callback(user, n)` for each arrival from now on, from a thread of the core, first with what is already there.
/// NULL takes it away; after return it is not running any more (unless called from within it).
typedef void (*ckpt_callback)(const void * user, size_t count);
ckpt_code ckpt_set_callback(ckpt_id entity, ckpt_callback callback, const void * user);

ckpt_code ckpt_take_event(ckpt_id event, ckpt_event_status * status);

// --- Graph: read from mapped memory, no allocation
// --------------------------------------------------------------------

/// Live entities of `kind` on the topic or service `name`.
ckpt_code ckpt_count(ckpt_id session, int32_t kind, const char * name, size_t * count);
/// Matched peers of a publisher, subscription, service or client.
ckpt_code ckpt_matched(ckpt_id entity, size_t * count);
/// Whether a matched service is alive and reads this client's requests.
ckpt_code ckpt_service_available(ckpt_id client, uint8_t * available);
/// Copies the live rows of the graph, at most `capacity`; `count` receives how many there are (call again when more).
/// Taken at one graph version.
ckpt_code ckpt_graph(ckpt_id session, ckpt_graph_entry * entries, size_t capacity, size_t * count);

#ifdef __cplusplus
}
#endif
#endif  // RMW_CKPT__CKPT_H_
