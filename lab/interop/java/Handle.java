package zk.interop;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/**
 * One object of a recipe. Calls on it run one after another in a thread of its own, because Curator's locks belong to threads;
 * what only looks, or has to get past a call that waits, runs aside.
 */
final class Handle {
    /** What a method does. */
    interface Action {
        Object run(Arguments arguments) throws Exception;
    }

    /** What ends an object. */
    interface Ending {
        void run() throws Exception;
    }

    private final Map<String, Action> inTurn = new HashMap<>();
    private final Map<String, Action> aside = new HashMap<>();
    private final ExecutorService worker = Executors.newSingleThreadExecutor(Handle::daemon);
    private Ending ending = () -> {};
    private Thread busy;

    static Thread daemon(Runnable work) {
        var thread = new Thread(work);
        thread.setDaemon(true);
        return thread;
    }

    Handle() {
        aside("cancel", arguments -> {
            synchronized (this) {
                if (busy != null) busy.interrupt();
                return busy != null;
            }
        });
    }

    Handle inTurn(String name, Action action) {
        inTurn.put(name, action);
        return this;
    }

    Handle aside(String name, Action action) {
        aside.put(name, action);
        return this;
    }

    /** Runs in turn too, so that a lock is given back by the thread that has it. */
    Handle ending(Ending how) {
        ending = how;
        return this;
    }

    void call(String name, Arguments arguments, Executor pool, Consumer<Object> done, Consumer<Throwable> failed) {
        var looks = aside.get(name);
        if (looks != null) {
            pool.execute(() -> attempt(looks, arguments, done, failed));
            return;
        }
        var action = inTurn.get(name);
        if (action == null) {
            failed.accept(new UnsupportedOperationException("Curator has no " + name + " here"));
            return;
        }
        worker.execute(() -> {
            synchronized (this) {
                busy = Thread.currentThread();
            }
            try {
                attempt(action, arguments, done, failed);
            } finally {
                synchronized (this) {
                    busy = null;
                    Thread.interrupted();
                }
            }
        });
    }

    void close() throws Exception {
        var closing = worker.submit(() -> {
            ending.run();
            return null;
        });
        try {
            closing.get();
        } catch (java.util.concurrent.ExecutionException failure) {
            if (failure.getCause() instanceof Exception) throw (Exception) failure.getCause();
            throw failure;
        } finally {
            worker.shutdownNow();
        }
    }

    private static void attempt(Action action, Arguments arguments, Consumer<Object> done, Consumer<Throwable> failed) {
        Object value;
        try {
            value = action.run(arguments);
        } catch (Throwable failure) {
            failed.accept(failure);
            return;
        }
        done.accept(value);
    }
}
