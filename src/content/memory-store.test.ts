import { MemoryContentStore } from './memory-store.ts';
import { testContentStore } from './store-suite.ts';

testContentStore('memory store', async () => new MemoryContentStore());
