// The beginning: styles, then the app in its place.
import './styles/tokens.css';
import './styles/base.css';

import { mount } from 'svelte';

import App from './App.svelte';

const place = document.getElementById('app');
if (!place) throw new Error('index.html has no place for the app');
mount(App, { target: place });
