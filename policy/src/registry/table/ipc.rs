//! Shared memory, semaphores and message queues.

use crate::registry::Call;
use crate::registry::notation::plain;

pub(super) static CALLS: &[Call] = &[
    plain!(29 "shmget"),
    plain!(30 "shmat"),
    plain!(31 "shmctl" "__shmctl13"),
    plain!(64 "semget"),
    plain!(65 "semop"),
    plain!(66 "semctl" "__semctl"),
    plain!(67 "shmdt"),
    plain!(68 "msgget"),
    plain!(69 "msgsnd"),
    plain!(70 "msgrcv"),
    plain!(71 "msgctl"),
    plain!(220 "semtimedop" "semop"),
    plain!(240 "mq_open"),
    plain!(241 "mq_unlink"),
    plain!(242 "mq_timedsend"),
    plain!(243 "mq_timedreceive"),
    plain!(244 "mq_notify"),
    plain!(245 "mq_getsetattr"),
];
