/* channels.pml - executable specification of the channel protocol, docs/protocols/channels.md.
 *
 * The assertions are its invariants: I1 and I3 in effect(), I2 in apply(), I4 and I5 at the end of
 * world(), I7 in POLITE_CHECK (only with POLITE), I8 where a coordinator's transaction lands.
 *
 * One channel, two nodes, two coordinators. A node's restart is a NEW PROCESS (incarnation); the old process may live on as a zombie:
 *   node 1 = processes 1 and 3, node 0 = process 2 (and 4 when NP4).  Process number = incarnation.
 * The metadata store is linearizable: a transaction is one atomic step, but it may be separated by any delay from the read it is
 * based on, and with unknown outcome it becomes an orphan that lands later or never.
 * The network is a set: a message once sent may be delivered at any later time, any number of times, in any order, or never.
 * Check-then-act: a process forms a commit, and the commit lands any time later, also when its process is fenced, dead or replaced.
 * Sessions: `expire` removes the session key at any time, whatever the process thinks (unless POLITE: leases and clocks behave).
 * Each rule is a macro: 1 = in force; beside it stands the name that docs/protocols/channels.md gives it.
 * N_* are rules that the protocol needs beyond the usual R_* (epochs, terms, retries); AS_WRITTEN switches all N_* off, so that
 * one sees what each of them is for.  CONV adds the phase "faults stop" and checks every terminal state (convergence, clean recovery).
 */
#ifndef DEF
#ifdef AS_WRITTEN
#define DEF 0
#else
#define DEF 1
#endif
#endif
#ifndef R_TERM
#define R_TERM 1      /* term: every coordinator write compares the leader's create revision */
#endif
#ifndef R_ENTRY
#define R_ENTRY 1     /* entry_comparison: record and complete compare the entry with what was read */
#endif
#ifndef R_EPOCH
#define R_EPOCH 1     /* commit_epoch: a commit compares the epoch with the channel entry */
#endif
#ifndef R_MONO
#define R_MONO 1      /* a checkpoint never moves backward (compared in the same transaction) */
#endif
#ifndef R_SEEN
#define R_SEEN 1      /* release_memory: node remembers the highest epoch it has seen, also after a release */
#endif
#ifndef R_LOWER
#define R_LOWER 1     /* lower_epoch: node refuses a lower epoch */
#endif
#ifndef R_HANDOVER
#define R_HANDOVER 1  /* handover: old holder out before the new one is told */
#endif
#ifndef R_RETELL
#define R_RETELL 1    /* retell: pending (and releasing) entries are told again */
#endif
#ifndef N_INC
#define N_INC DEF     /* message_incarnation: assign and release name the target incarnation; another incarnation refuses */
#endif
#ifndef N_CINC
#define N_CINC DEF    /* commit_incarnation: a commit compares (incarnation, epoch), not epoch alone */
#endif
#ifndef N_CKG
#define N_CKG DEF     /* starting_checkpoint: record also compares: checkpoint is still the one used as start position */
#endif
#ifndef N_CHAIN
#define N_CHAIN DEF   /* continuation: a commit names the checkpoint it starts from; compared, then advanced */
#endif
#ifndef N_WHOLE
#define N_WHOLE DEF   /* whole_entry: unknown outcome: tell only what the entry says (compare all of it), not "same epoch" */
#endif
#ifndef N_BLOCK
#define N_BLOCK DEF   /* epoch blocks die with the term; a block of unknown outcome is thrown away */
#endif
#ifndef N_GREATER
#define N_GREATER DEF /* record is refused unless the new epoch is greater than the entry's */
#endif
#ifndef N_STOP
#define N_STOP DEF    /* a commit refused as stale stops the consumer */
#endif
#ifndef N_RELSEEN
#define N_RELSEEN DEF /* release_memory: a release of an epoch never seen raises the highest epoch seen */
#endif
#ifndef N_STATE
#define N_STATE DEF   /* commits only in pending, registered, releasing; never in unassigned */
#endif
#ifndef N_PENDINC
#define N_PENDINC DEF /* pending_incarnation: pending whose incarnation is gone gets a new epoch; it is not told to the successor */
#endif
#ifndef N_OLDDEAD
#define N_OLDDEAD DEF /* handover: politeness only: a new incarnation is believed only when the old process is known dead or its ttl has passed */
#endif
#ifndef R_FENCE
#define R_FENCE 1     /* self_fencing: politeness only: a process stops before its session can expire */
#endif
#ifndef R_SAMEPOS
#define R_SAMEPOS 1   /* told again with the entry's start position (0: with the checkpoint of that moment) */
#endif
/* model size */
#ifndef F
#define F 4
#endif
#ifndef BS
#define BS 0          /* size of an epoch block; 0: epoch = entry's epoch + 1 */
#endif
#ifndef MAXPOS
#define MAXPOS 2
#endif
#define MAXE 8
#ifdef NP4
#define NP 4
#else
#define NP 3
#endif
#define ND(p) ((p)&1)
#define UNAS 0
#define PEND 1
#define REG 2
#define RELS 3
#define REC 1
#define COMP 2
#define RELING 3
#define UNASG 4
#define UNK 5
#define ALIVE 1
#define FENCED 2
#define DEAD 3
#define WX(t,e) W[(t)*MAXE+(e)]
#define BIT(e) (1<<(e))

/* the store */
byte term = 1;                                 /* create revision of the leader key */
byte e_st, e_ep, e_p, e_start;                 /* channels/<channel> */
byte ckpt;                                     /* progress/<channel>: the checkpoint */
byte counter;                                  /* epoch counter (BS > 0) */
byte sess[2];                                  /* nodes/<node>: incarnation, 0 = no key */
/* coordinators */
byte cterm[2];                                 /* term it believes to hold, 0 = follower */
byte kind[2], g_ep[2], g_st[2], g_ck[2], n_p[2], n_ep[2], n_start[2];
byte bn[2], be[2], ub[2];                      /* epoch block; ub: reserve with unknown outcome, first id it would have */
byte o_kind, o_term, o_gep, o_gst, o_gck, o_p, o_ep, o_start;  /* orphan transaction */
/* processes */
byte ps[NP+1], seen[NP+1], cons[NP+1], pos[NP+1];
byte c_ep[NP+1], c_from[NP+1], c_to[NP+1];                 /* orphan commit */
/* network */
byte W[(NP+1)*MAXE], WA[NP+1], RL[NP+1], RA[NP+1];
/* budgets and ghosts */
byte faults = F;                               /* any mix of at most F faults and operator moves */
byte cov[MAXPOS+1], owner, lasteff;
bool calm, audit;
byte i;                                        /* loop counter, 0 between steps */

#define LIVE(p) (sess[ND(p)] == (p))
#define ALLOC_OK(c) (BS == 0 || bn[c] < be[c])
#if BS > 0
#define NEXT(c) bn[c]
#else
#define NEXT(c) (e_ep + 1)
#endif
#define NEEDREC (e_st == UNAS || (e_st == PEND && (N_PENDINC -> !LIVE(e_p) : sess[ND(e_p)] == 0)) || (e_st == REG && !LIVE(e_p)))

inline apply(k, p, e, s) {                      /* effect of a coordinator transaction */
  assert(!audit);                               /* I5: a clean recovery writes nothing */
  if
  :: k == REC -> assert(e > e_ep); assert(e < MAXE); e_st = PEND; e_ep = e; e_p = p; e_start = s;   /* I2 */
     for (i : 0 .. NP) { WA[i] = 0; RA[i] = 0 }; i = 0
  :: k == COMP -> assert(e >= e_ep); e_st = REG; e_ep = e; e_p = p; e_start = s
  :: k == RELING -> assert(e >= e_ep); e_st = RELS; e_ep = e; e_p = p; e_start = s
  :: k == UNASG -> assert(e >= e_ep); e_st = UNAS; e_ep = e; e_p = p; e_start = s
  fi
}
/* unused memory is zeroed and facts that can no longer matter are forgotten, so that fewer states differ */
#define idle(c) kind[c] = 0; g_ep[c] = 0; g_st[c] = 0; g_ck[c] = 0; n_p[c] = 0; n_ep[c] = 0; n_start[c] = 0
#define gone(q) cons[q] = 0; pos[q] = 0; if :: R_SEEN && R_LOWER && N_INC -> seen[q] = 0; WX(q,1) = 0; WX(q,2) = 0; WX(q,3) = 0; WX(q,4) = 0; WX(q,5) = 0; WX(q,6) = 0; WX(q,7) = 0; RL[q] = 0 :: else fi
#define decide(c, k, p, e, s) kind[c] = k; g_ep[c] = e_ep; g_st[c] = e_st; g_ck[c] = ckpt; n_p[c] = p; n_ep[c] = e; n_start[c] = s

#define GUARD(t, gep, gst, gck, k, e) ((!R_TERM || (t) == term) && (!R_ENTRY || (e_ep == (gep) && e_st == (gst))) \
   && (!((k) == REC && N_CKG) || ckpt == (gck)) && (!((k) == REC && N_GREATER) || (e) > e_ep))
#define COMMIT_OK(q, e, from, to) ((!R_EPOCH || (e_ep == (e) && (!N_STATE || e_st != UNAS) && (!N_CINC || e_p == (q)))) \
   && (!R_MONO || (to) > ckpt) && (!N_CHAIN || ckpt == (from)))
#define STALE(q) (e_ep != cons[q] || (N_STATE && e_st == UNAS) || (N_CINC && e_p != (q)))

inline effect(q, e, from, to) {
  assert(e >= lasteff);                         /* I1: never an older epoch after a newer one */
  assert(e != lasteff || owner == q);           /* I1: one process per epoch has effects */
  owner = q; lasteff = e;
  assert(to >= ckpt);                           /* I3: never backward */
  for (i : from + 1 .. to) { cov[i]++; assert(cov[i] == 1) }  /* each row durable once */
  i = 0;
  assert(from == 0 || cov[from] == 1);          /* and none skipped */
  ckpt = to
}
#ifdef POLITE
#define POLITE_CHECK assert((ps[1]==ALIVE && cons[1]!=0) + (ps[2]==ALIVE && cons[2]!=0) + (ps[3]==ALIVE && cons[3]!=0) <= 1)
#define MAY_EXPIRE(n) (!R_FENCE || ps[sess[n]] != ALIVE)
#else
#define POLITE_CHECK skip
#define MAY_EXPIRE(n) true
#endif

#define COORD(c) \
 :: d_step { (!calm && faults > 0 && cterm[c] != term) -> faults--; term++; cterm[c] = term; idle(c); if :: N_BLOCK -> bn[c] = 0; be[c] = 0 :: else fi } \
 /* reserve a block of epochs: success, or unknown outcome that never landed, believed later when the counter has moved as expected */ \
 :: d_step { (BS > 0 && counter + BS < MAXE && cterm[c] != 0 && kind[c] == 0 && bn[c] == be[c] && ub[c] == 0 && NEEDREC && (!R_TERM || cterm[c] == term)) -> bn[c] = counter + 1; be[c] = counter + 1 + BS; counter = counter + BS } \
 :: d_step { (BS > 0 && cterm[c] != 0 && R_TERM && cterm[c] != term && kind[c] == 0 && bn[c] == be[c] && ub[c] == 0 && NEEDREC) -> cterm[c] = 0 } \
 :: d_step { (BS > 0 && !N_BLOCK && !calm && faults > 0 && cterm[c] != 0 && kind[c] == 0 && bn[c] == be[c] && ub[c] == 0 && NEEDREC) -> ub[c] = counter + 1; faults-- } \
 :: d_step { (ub[c] != 0 && counter == ub[c] - 1 + BS) -> bn[c] = ub[c]; be[c] = ub[c] + BS; ub[c] = 0 } \
 :: d_step { (ub[c] != 0 && counter != ub[c] - 1 + BS) -> ub[c] = 0 } \
 /* read and decide */ \
 :: d_step { (cterm[c] != 0 && kind[c] == 0 && NEEDREC && sess[0] != 0 && ALLOC_OK(c)) -> decide(c, REC, sess[0], NEXT(c), ckpt); if :: BS > 0 -> bn[c]++ :: else fi } \
 :: d_step { (cterm[c] != 0 && kind[c] == 0 && NEEDREC && sess[1] != 0 && ALLOC_OK(c)) -> decide(c, REC, sess[1], NEXT(c), ckpt); if :: BS > 0 -> bn[c]++ :: else fi } \
 :: d_step { (cterm[c] != 0 && kind[c] == 0 && e_st == PEND && R_RETELL && R_SAMEPOS && sess[ND(e_p)] != 0 && (LIVE(e_p) || !N_PENDINC) && !(WX(sess[ND(e_p)], e_ep) & BIT(e_start))) -> assert(!audit); WX(sess[ND(e_p)], e_ep) = WX(sess[ND(e_p)], e_ep) | BIT(e_start) } \
 :: d_step { (cterm[c] != 0 && kind[c] == 0 && e_st == PEND && R_RETELL && !R_SAMEPOS && sess[ND(e_p)] != 0 && (LIVE(e_p) || !N_PENDINC) && !(WX(sess[ND(e_p)], e_ep) & BIT(ckpt))) -> assert(!audit); WX(sess[ND(e_p)], e_ep) = WX(sess[ND(e_p)], e_ep) | BIT(ckpt) } \
 :: d_step { (cterm[c] != 0 && kind[c] == 0 && e_st == PEND && WA[e_p] != 0) -> decide(c, COMP, e_p, e_ep, e_start) } \
 :: d_step { (cterm[c] != 0 && kind[c] == 0 && e_st == PEND && !N_PENDINC && sess[ND(e_p)] != 0 && sess[ND(e_p)] != e_p && WA[sess[ND(e_p)]] != 0) -> decide(c, COMP, sess[ND(e_p)], e_ep, e_start) } \
 :: d_step { (!calm && cterm[c] != 0 && kind[c] == 0 && (e_st == REG || e_st == PEND) && faults > 0 && LIVE(e_p) && R_HANDOVER) -> faults--; decide(c, RELING, e_p, e_ep, e_start) } \
 :: d_step { (!calm && cterm[c] != 0 && kind[c] == 0 && e_st == REG && faults > 0 && !R_HANDOVER && sess[1 - ND(e_p)] != 0 && ALLOC_OK(c)) -> faults--; decide(c, REC, sess[1 - ND(e_p)], NEXT(c), ckpt); if :: BS > 0 -> bn[c]++ :: else fi } \
 :: d_step { (cterm[c] != 0 && kind[c] == 0 && e_st == RELS && R_RETELL && LIVE(e_p) && !(RL[e_p] & BIT(e_ep))) -> assert(!audit); RL[e_p] = RL[e_p] | BIT(e_ep) } \
 :: d_step { (cterm[c] != 0 && kind[c] == 0 && e_st == RELS && (!LIVE(e_p) || RA[e_p] != 0)) -> decide(c, UNASG, e_p, e_ep, e_start) } \
 /* the transaction: applied, rejected, or unknown */ \
 :: d_step { (kind[c] != 0 && kind[c] != UNK && GUARD(cterm[c], g_ep[c], g_st[c], g_ck[c], kind[c], n_ep[c])) -> \
      assert(cterm[c] == term);                 /* I8 */ \
      apply(kind[c], n_p[c], n_ep[c], n_start[c]); \
      if :: kind[c] == REC -> WX(n_p[c], n_ep[c]) = WX(n_p[c], n_ep[c]) | BIT(n_start[c]) \
         :: kind[c] == RELING -> RL[n_p[c]] = RL[n_p[c]] | BIT(n_ep[c]) :: else fi; idle(c) } \
 :: d_step { (kind[c] != 0 && kind[c] != UNK && !GUARD(cterm[c], g_ep[c], g_st[c], g_ck[c], kind[c], n_ep[c])) -> \
      idle(c); if :: R_TERM && cterm[c] != term -> cterm[c] = 0 :: else fi } \
 :: d_step { (!calm && kind[c] != 0 && kind[c] != UNK && faults > 0 && o_kind == 0) -> faults--; o_kind = kind[c]; o_term = cterm[c]; o_gep = g_ep[c]; o_gst = g_st[c]; o_gck = g_ck[c]; \
      o_p = n_p[c]; o_ep = n_ep[c]; o_start = n_start[c]; if :: kind[c] == REC && !N_WHOLE -> kind[c] = UNK :: else -> idle(c) fi } \
 :: d_step { (kind[c] == UNK && e_ep == n_ep[c]) -> WX(n_p[c], n_ep[c]) = WX(n_p[c], n_ep[c]) | BIT(n_start[c]); idle(c) } \
 :: d_step { (kind[c] == UNK && e_ep != n_ep[c]) -> idle(c) }

#define ACC(q,e) (R_SEEN -> (R_LOWER -> (e) > seen[q] : (e) != seen[q]) : (R_LOWER -> (e) > cons[q] : (e) != cons[q]))
/* assign(e, start i) addressed to incarnation t reaches process q */
#define FORGET(q,e) if :: R_SEEN && R_LOWER && N_INC -> for (i : 1 .. e - 1) { WX(q,i) = 0 }; i = 0 :: else fi
#define WD(t,q,e,i_) :: d_step { (ps[q] == ALIVE && (WX(t,e) & BIT(i_)) && ACC(q,e)) -> cons[q] = e; if :: e > seen[q] -> seen[q] = e :: else fi; pos[q] = i_; FORGET(q,e); if :: e == e_ep -> WA[q] = 1 :: else fi; POLITE_CHECK }
#define WS(t,q,e) :: d_step { (ps[q] == ALIVE && WX(t,e) != 0 && cons[q] == e && e == e_ep && WA[q] == 0) -> WA[q] = 1 }
#define RD(t,q,e) :: d_step { (ps[q] == ALIVE && (RL[t] & BIT(e)) && ((e == e_ep && RA[t] == 0) || (cons[q] != 0 && cons[q] <= e) || (N_RELSEEN && seen[q] < e))) -> \
   if :: cons[q] <= e -> cons[q] = 0; pos[q] = 0 :: else fi; if :: N_RELSEEN && seen[q] < e -> seen[q] = e :: else fi; if :: e == e_ep -> RA[t] = 1 :: else fi }
#define WDE(t,q,e) WD(t,q,e,0) WD(t,q,e,1) WD(t,q,e,2) WS(t,q,e) RD(t,q,e)
#define NET(t,q) WDE(t,q,1) WDE(t,q,2) WDE(t,q,3) WDE(t,q,4) WDE(t,q,5) WDE(t,q,6) WDE(t,q,7)

#define PROC(q) \
 /* flush and advance the checkpoint: answered, or of unknown outcome */ \
 :: d_step { (ps[q] == ALIVE && cons[q] != 0 && pos[q] < MAXPOS && c_ep[q] != cons[q] && COMMIT_OK(q, cons[q], pos[q], pos[q] + 1)) -> effect(q, cons[q], pos[q], pos[q] + 1); pos[q]++ } \
 :: d_step { (ps[q] == ALIVE && cons[q] != 0 && pos[q] + 1 < MAXPOS && c_ep[q] != cons[q] && COMMIT_OK(q, cons[q], pos[q], pos[q] + 2)) -> effect(q, cons[q], pos[q], pos[q] + 2); pos[q] = pos[q] + 2 } \
 :: d_step { (N_STOP && ps[q] == ALIVE && cons[q] != 0 && c_ep[q] != cons[q] && STALE(q)) -> cons[q] = 0; pos[q] = 0 } \
 :: d_step { (ps[q] == ALIVE && cons[q] != 0 && c_ep[q] != cons[q] && N_CHAIN && !STALE(q) && pos[q] != ckpt) -> pos[q] = ckpt } \
 :: d_step { (!calm && ps[q] == ALIVE && cons[q] != 0 && pos[q] < MAXPOS && c_ep[q] == 0 && faults > 0) -> faults--; c_ep[q] = cons[q]; c_from[q] = pos[q]; c_to[q] = pos[q] + 1 } \
 :: d_step { (!calm && ps[q] == ALIVE && cons[q] != 0 && pos[q] + 1 < MAXPOS && c_ep[q] == 0 && faults > 0) -> faults--; c_ep[q] = cons[q]; c_from[q] = pos[q]; c_to[q] = pos[q] + 2 } \
 /* the orphan commit lands (or its retry under the same flush id does), is refused, or is lost with its process */ \
 :: d_step { (c_ep[q] != 0 && COMMIT_OK(q, c_ep[q], c_from[q], c_to[q])) -> effect(q, c_ep[q], c_from[q], c_to[q]); if :: cons[q] == c_ep[q] -> pos[q] = c_to[q] :: else fi; c_ep[q] = 0; c_from[q] = 0; c_to[q] = 0 } \
 :: d_step { (c_ep[q] != 0 && !COMMIT_OK(q, c_ep[q], c_from[q], c_to[q])) -> c_ep[q] = 0; c_from[q] = 0; c_to[q] = 0 } \
 :: d_step { (c_ep[q] != 0 && (ps[q] != ALIVE || cons[q] != c_ep[q])) -> c_ep[q] = 0; c_from[q] = 0; c_to[q] = 0 } \
 /* fencing itself, crash */ \
 :: d_step { (ps[q] == ALIVE && sess[ND(q)] != q) -> ps[q] = FENCED; gone(q) } \
 :: d_step { (!calm && ps[q] == ALIVE && sess[ND(q)] == q && faults > 0) -> faults--; ps[q] = FENCED; gone(q) } \
 :: d_step { (!calm && ps[q] == ALIVE && faults > 0) -> faults--; ps[q] = DEAD; gone(q) }

#define NODE(n) \
 :: d_step { (!calm && sess[n] != 0 && ps[sess[n]] == ALIVE && faults > 0 && MAY_EXPIRE(n)) -> faults--; sess[n] = 0 } \
 :: d_step { (sess[n] != 0 && ps[sess[n]] != ALIVE) -> sess[n] = 0 }
/* process q registers as the new incarnation of its node; its predecessor p dies (dies = 1) or lives on */
#define START(q,p,dies,when) \
 :: d_step { (ps[q] == 0 && when && ((dies) || !(N_OLDDEAD && POLITENESS) || ps[p] != ALIVE)) -> ps[q] = ALIVE; sess[ND(q)] = q; if :: dies && ps[p] == ALIVE -> ps[p] = DEAD; gone(p) :: else fi; if :: !calm -> faults-- :: else fi }
#ifdef POLITE
#define POLITENESS 1
#else
#define POLITENESS 0
#endif
#define RST (!calm && faults > 0)

active proctype world() {
  d_step { cterm[0] = 1; sess[0] = 2; sess[1] = 1; ps[1] = ALIVE; ps[2] = ALIVE;
#ifndef FRESH                                   /* start with the channel registered on process 1, epoch 1 */
    e_st = REG; e_ep = 1; e_p = 1; cons[1] = 1; seen[1] = 1; WA[1] = 1; W[MAXE+1] = 1; counter = 1
#endif
  }
  do
  COORD(0) COORD(1)
  NET(1,1) NET(2,2) NET(3,3)
#if !N_INC
  NET(1,3) NET(3,1)
#endif
  PROC(1) PROC(2) PROC(3) NODE(0) NODE(1)
  START(3,1,1,RST) START(3,1,0,RST)
#ifdef NP4
  NET(4,4) PROC(4) START(4,2,1,RST) START(4,2,0,RST)
#endif
  /* land or lose the orphan transaction */
  :: d_step { (o_kind != 0 && GUARD(o_term, o_gep, o_gst, o_gck, o_kind, o_ep)) -> assert(o_term == term); apply(o_kind, o_p, o_ep, o_start); o_kind = 0; o_term = 0; o_gep = 0; o_gst = 0; o_gck = 0; o_p = 0; o_ep = 0; o_start = 0 }
  :: d_step { (o_kind != 0) -> o_kind = 0; o_term = 0; o_gep = 0; o_gst = 0; o_gck = 0; o_p = 0; o_ep = 0; o_start = 0 }
#ifdef CONV
  :: d_step { (!calm) -> calm = 1 }             /* faults stop; what is in flight still arrives */
  :: d_step { (!calm) -> calm = 1; for (i : 0 .. (NP+1)*MAXE-1) { W[i] = 0 }; for (i : 0 .. NP) { WA[i] = 0; RL[i] = 0; RA[i] = 0 }; i = 0 }  /* or is lost */
  START(3,1,0,(calm && sess[1] == 0))
#ifdef NP4
  START(4,2,0,(calm && sess[0] == 0))
#endif
#endif
  :: else ->                                    /* nothing can happen any more */
#ifdef CONV
     if
     :: calm && (sess[0] != 0 || sess[1] != 0) -> /* I4: one live node consumes, all rows are durable, nobody else consumes */
        assert(e_st == REG && LIVE(e_p) && ps[e_p] == ALIVE && cons[e_p] == e_ep && ckpt == MAXPOS);
        for (i : 1 .. NP) { assert(i == e_p || ps[i] != ALIVE || cons[i] == 0) }
        i = 0;
        if
        :: !audit -> audit = 1; term++;        /* I5: another coordinator takes over and must find nothing to do */
           if :: cterm[0] == term - 1 -> cterm[1] = term; idle(1); bn[1] = 0; be[1] = 0 :: else -> cterm[0] = term; idle(0); bn[0] = 0; be[0] = 0 fi
        :: else -> break
        fi
     :: else -> break
     fi
#else
     break
#endif
  od
}
