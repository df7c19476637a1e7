// Copyright 2026 the rmw_ckpt authors. Licensed under the Apache License, Version 2.0.

#include "snapshots.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "snapshot.hpp"

namespace rmw_ckpt {
namespace {

namespace engine = rmw_ckpt::snapshot;
using engine::raw;
using engine::Word;
using engine::word;

/// A file that the process, its sleeping children and its master have mapped; SnapshotPage.cs has the same.
struct Page {
  enum Outcome : int { Taken, Refused, RefusedForNow };
  engine::Orders orders;
  std::atomic<int> ask, answered;
  int outcome;
  std::atomic<int> cancelled;
  int unused;
  Word frozen_ns;
  std::atomic<Word> child;  // its start time, of which 32 bits, shifted by 32, and its id
  char refusal[200];
  char outputs[2][64];  // where descriptors 1 and 2 are to lead, in the run folder; empty: as they do
};
static_assert(offsetof(Page, ask) == 220 && offsetof(Page, cancelled) == 232 && offsetof(Page, frozen_ns) == 240 &&
              offsetof(Page, child) == 248 && offsetof(Page, outputs) == 456);

/// The page in use and what is to be known in a revival. One that was in use stays as it is: a sleeping child may have
/// it.
struct Place {
  Page * page;
  std::atomic<Word> * claim;
  const std::atomic<std::uint32_t> * incarnation;
  std::atomic<std::uint32_t> * pid;
  const std::uint32_t * folder;
};
std::atomic<const Place *> place{nullptr};
int asked_now;  // of the snapshot that is being taken

Word fd(int number) {
  return static_cast<Word>(number);
}

/// Field 22 of /proc/PID/stat, counted from behind the name, which may have blanks.
Word start_time(long pid) {
  char text[1024];
  if (engine::read_text(engine::Text<64>().add("/proc/").add(pid).add("/stat").s, text, sizeof text) <= 0) {
    return 0;
  }
  const char * p = text;
  for (const char * q = text; *q != 0; q++) {
    p = *q == ')' ? q + 1 : p;
  }
  for (int field = 3; field < 22 && *p != 0; p++) {
    field += p[1] == ' ' ? 1 : 0;
  }
  p += *p == ' ' ? 1 : 0;
  return engine::decimal(p);
}

/// Whoever read an output by a pipe may go at any moment, and the next word would end the process: it goes into a file.
void lead_output(const Place & to, int number) {
  const char * const path = to.page->outputs[number - 1];
  struct stat former {};
  if (path[0] == 0 || raw(__NR_fstat, fd(number), word(&former)) < 0) {
    return;
  }
  const long file =
      raw(__NR_openat, *to.folder, word(path), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) {
    return;
  }
  engine::File all("/proc/self/fd", O_RDONLY | O_DIRECTORY);
  engine::each_entry(all.fd, [&](const char * name) {
    const int one = static_cast<int>(engine::decimal(name));
    struct stat its {};
    if (one == file || one == all.fd || raw(__NR_fstat, fd(one), word(&its)) < 0 || its.st_dev != former.st_dev ||
        its.st_ino != former.st_ino || (raw(__NR_fcntl, fd(one), F_GETFL, 0) & O_ACCMODE) == O_RDONLY) {
      return;
    }
    const bool closes = (raw(__NR_fcntl, fd(one), F_GETFD, 0) & FD_CLOEXEC) != 0;
    (void)raw(__NR_dup3, static_cast<Word>(file), fd(one), closes ? O_CLOEXEC : 0);
  });
  (void)raw(__NR_close, static_cast<Word>(file));
}

/// Before any thread of a new incarnation runs: it is the one of this number, or ends.
bool claim(void * context) {
  const Place & its = *static_cast<const Place *>(context);
  const auto pid = static_cast<std::uint32_t>(raw(__NR_getpid));
  for (;;) {
    const std::uint32_t number = *its.incarnation;
    Word open = Word{number} << 32;
    if (its.claim->compare_exchange_strong(open, open | pid)) {
      break;
    }
    if (*its.incarnation == number) {
      return false;
    }
  }
  *its.pid = pid;
  lead_output(its, 1);
  lead_output(its, 2);
  return true;
}

/// What the process has lent is no snapshot's any more once the master has gone on.
bool is_wanted(void * context) {
  return static_cast<const Place *>(context)->page->cancelled != asked_now;
}

/// In one store, for this process may be killed at any moment.
void note_child(void * context, int child) {
  static_cast<const Place *>(context)->page->child = start_time(child) << 32 | static_cast<Word>(child);
}

void answer(Page & page, int asked, engine::Life life, const engine::Report & report) {
  page.outcome = life == engine::Life::Same ? Page::Taken : report.later ? Page::RefusedForNow : Page::Refused;
  page.frozen_ns = report.freeze_ns;
  static_assert(sizeof page.refusal == sizeof report.why.s);
  std::memcpy(page.refusal, report.why.s, sizeof page.refusal);
  page.answered = asked;
  engine::wake(page.answered);
}

void * run(void *) {
  (void)pthread_setname_np(pthread_self(), "ckpt-snapshots");
  constexpr Word second = 1000000000u;
  for (;;) {
    const Place * const its = place;
    Page & page = *its->page;
    const int asked = page.ask;
    if (asked == page.answered) {
      // Not for ever: the page may be another one by then.
      engine::sleep_while(page.ask, asked, second);
      continue;
    }
    page.orders.over = 0;  // it had left, and has come back
    asked_now = asked;
    engine::Report report{};
    const engine::Life life = engine::take(
        {&page.orders, &claim, const_cast<Place *>(its), &is_wanted, 60 * second, its->folder, &note_child}, report);
    if (life != engine::Life::Next) {
      answer(page, asked, life, report);
    } else if (page.answered != page.ask) {
      // The incarnation that was asked has died over it.
      report.later = true;
      (void)report.why.add("it died meanwhile");
      answer(page, page.ask, engine::Life::Refused, report);
    }
  }
}

void start() {
  // The program's signals are the program's threads'.
  sigset_t all;
  sigset_t former;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &former);
  pthread_t thread{};
  if (pthread_create(&thread, nullptr, &run, nullptr) == 0) {
    (void)pthread_detach(thread);
  }
  (void)pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

}  // namespace

void take_snapshots_for(ckpt_id session) {
  ckpt_snapshots_place found{};
  if (core::call(core::snapshots, session, &found) != CKPT_OK || found.page == nullptr) {
    return;
  }
  const Place * const former = place;
  if (former != nullptr && former->page == found.page) {
    return;
  }
  place = new Place{static_cast<Page *>(found.page), reinterpret_cast<std::atomic<Word> *>(found.claim),
                    reinterpret_cast<const std::atomic<std::uint32_t> *>(found.incarnation),
                    reinterpret_cast<std::atomic<std::uint32_t> *>(found.pid), found.folder};
  static std::once_flag once;
  std::call_once(once, &start);
}

void end_snapshots() {
  if (const Place * const its = place) {
    its->page->orders.over = 1;
    engine::wake_orders(its->page->orders);
  }
}

}  // namespace rmw_ckpt
